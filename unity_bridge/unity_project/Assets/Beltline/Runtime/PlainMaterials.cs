using GLTFast;
using GLTFast.Logging;
using GLTFast.Materials;
using GLTFast.Schema;
using Material = UnityEngine.Material;

namespace Beltline.Runtime
{
    /// <summary>The importer's materials are never seen: the spec says what each part wears.</summary>
    sealed class PlainMaterials : IMaterialGenerator
    {
        readonly Material material;

        public PlainMaterials(Material material)
        {
            this.material = material;
        }

        public Material GetDefaultMaterial(bool pointsSupport = false) => material;

        public Material GenerateMaterial(MaterialBase gltfMaterial, IGltfReadable gltf, bool pointsSupport = false) => material;

        public void SetLogger(ICodeLogger logger)
        {
        }
    }
}
