// Signatures of com.unity.cloud.gltfast 6.19 that the player uses.
using System;
using System.Threading;
using System.Threading.Tasks;
using UnityEngine;

namespace GLTFast
{
    [Page("cloud.gltfast", "GLTFast.IGltfReadable")]
    public interface IGltfReadable { }

    [Page("cloud.gltfast", "GLTFast.IDeferAgent")]
    public interface IDeferAgent { }

    [Page("cloud.gltfast", "GLTFast.ImportSettings")]
    public class ImportSettings { }

    [Page("cloud.gltfast", "GLTFast.GltfImportBase")]
    public abstract class GltfImportBase : IDisposable
    {
        [Page("cloud.gltfast", "GLTFast.GltfImportBase")]
        public Task<bool> Load(
            byte[] data, Uri uri = null, ImportSettings importSettings = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return null;
        }

        [Page("cloud.gltfast", "GLTFast.GltfImportBase")]
        public Task<bool> InstantiateMainSceneAsync(
            Transform parent, CancellationToken cancellationToken = default(CancellationToken))
        {
            return null;
        }

        [Page("cloud.gltfast", "GLTFast.GltfImportBase")]
        public void Dispose() { }
    }

    [Page("cloud.gltfast", "GLTFast.GltfImport")]
    public class GltfImport : GltfImportBase
    {
        [Page("cloud.gltfast", "GLTFast.GltfImport")]
        public GltfImport(
            Loading.IDownloadProvider downloadProvider = null, IDeferAgent deferAgent = null,
            Materials.IMaterialGenerator materialGenerator = null, Logging.ICodeLogger logger = null) { }
    }
}

namespace GLTFast.Loading
{
    [Page("cloud.gltfast", "GLTFast.Loading.IDownloadProvider")]
    public interface IDownloadProvider { }
}

namespace GLTFast.Logging
{
    [Page("cloud.gltfast", "GLTFast.Logging.ICodeLogger")]
    public interface ICodeLogger { }
}

namespace GLTFast.Schema
{
    [Page("cloud.gltfast", "GLTFast.Schema.MaterialBase")]
    public abstract class MaterialBase { }
}

namespace GLTFast.Materials
{
    [Page("cloud.gltfast", "GLTFast.Materials.IMaterialGenerator")]
    public interface IMaterialGenerator
    {
        [Page("cloud.gltfast", "GLTFast.Materials.IMaterialGenerator")]
        UnityEngine.Material GetDefaultMaterial(bool pointsSupport = false);

        [Page("cloud.gltfast", "GLTFast.Materials.IMaterialGenerator")]
        UnityEngine.Material GenerateMaterial(Schema.MaterialBase gltfMaterial, IGltfReadable gltf, bool pointsSupport = false);

        [Page("cloud.gltfast", "GLTFast.Materials.IMaterialGenerator")]
        void SetLogger(Logging.ICodeLogger logger);
    }
}
