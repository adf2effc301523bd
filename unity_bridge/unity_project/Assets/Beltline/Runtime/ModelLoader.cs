using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Beltline.Core;
using GLTFast;
using UnityEngine;
using Object = UnityEngine.Object;

namespace Beltline.Runtime
{
    /// <summary>
    /// Models from GLB files; where one names a prefab and an asset bundle of the player has it, the prefab, with its own
    /// materials, stands in its place.
    /// </summary>
    sealed class ModelLoader
    {
        readonly StageParts parts;
        readonly List<AssetBundle> bundles = new List<AssetBundle>();

        /// <param name="bundleFolder">Every file in it is a bundle; null for none.</param>
        public ModelLoader(StageParts parts, string bundleFolder)
        {
            this.parts = parts;
            if (bundleFolder == null)
                return;
            string[] files = Directory.GetFiles(bundleFolder);
            Array.Sort(files, StringComparer.Ordinal);
            foreach (string file in files)
            {
                AssetBundle bundle = Path.GetExtension(file) == ".manifest" ? null : AssetBundle.LoadFromFile(file);
                if (bundle != null)
                    bundles.Add(bundle);
            }
        }

        /// <exception cref="InvalidDataException">The importer can't read the file.</exception>
        public async Task<StageModel> Load(byte[] data, GlbDocument document)
        {
            GameObject prefab = document.Prefab == null ? null : FindPrefab(document.Prefab);
            if (prefab != null)
                return new StageModel(Hidden(Object.Instantiate(prefab)), null, data.Length, true);
            var importer = new GltfImport(null, null, new PlainMaterials(parts.Opaque), null);
            GameObject root = Hidden(new GameObject("model"));
            bool loaded = false;
            try
            {
                loaded = await importer.Load(data, null, null, CancellationToken.None)
                    && await importer.InstantiateMainSceneAsync(root.transform, CancellationToken.None);
            }
            catch (Exception error) when (!(error is OutOfMemoryException))
            {
                // The importer has no error of its own for files that are no glTF: it stumbles over them.
                throw new InvalidDataException("the importer stumbles: " + error.Message);
            }
            finally
            {
                if (!loaded)
                {
                    Object.Destroy(root);
                    importer.Dispose();
                }
            }
            if (!loaded)
                throw new InvalidDataException("the importer refuses it; the player's log says why");
            return new StageModel(root, importer, data.Length, false);
        }

        GameObject FindPrefab(string name)
        {
            foreach (AssetBundle bundle in bundles)
                if (bundle.Contains(name))
                    return bundle.LoadAsset<GameObject>(name);
            return null;
        }

        static GameObject Hidden(GameObject item)
        {
            item.SetActive(false);
            return item;
        }
    }
}
