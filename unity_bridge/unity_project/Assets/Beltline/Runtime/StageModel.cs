using System;
using System.Collections.Generic;
using Beltline.Core;
using UnityEngine;
using Material = UnityEngine.Material;
using Object = UnityEngine.Object;

namespace Beltline.Runtime
{
    /// <summary>A model that frames place as often as they like: its copies are kept and used again.</summary>
    sealed class StageModel : IStageModel
    {
        readonly GameObject template;
        readonly IDisposable source;
        readonly bool keepsMaterials;
        readonly HashSet<string> parts = new HashSet<string>(StringComparer.Ordinal);
        readonly Pool<Copy> copies;

        /// <param name="template">Not active; its children are named after the parts.</param>
        /// <param name="source">What holds the meshes, or null.</param>
        /// <param name="keepsMaterials">Whether it wears its own materials instead of those of the spec.</param>
        public StageModel(GameObject template, IDisposable source, long sizeBytes, bool keepsMaterials)
        {
            this.template = template;
            this.source = source;
            this.keepsMaterials = keepsMaterials;
            SizeBytes = sizeBytes;
            foreach (MeshRenderer renderer in template.GetComponentsInChildren<MeshRenderer>(true))
                parts.Add(renderer.gameObject.name);
            copies = new Pool<Copy>(() => new Copy(template));
        }

        public long SizeBytes { get; }

        public bool Has(string part) => parts.Contains(part);

        /// <summary>Puts up a copy.</summary>
        /// <param name="drawn">Takes every renderer of a part that the id pass draws.</param>
        public void Place(PlaceObject item, LitMaterials materials, List<DrawnPart> drawn)
        {
            copies.Rent().Place(item, keepsMaterials ? null : materials, drawn);
        }

        public void Clear()
        {
            foreach (Copy copy in copies.Used)
                copy.Hide();
            copies.ReturnAll();
        }

        public void Dispose()
        {
            foreach (Copy copy in copies.Things)
                copy.Destroy();
            Object.Destroy(template);
            if (source != null)
                source.Dispose();
        }

        sealed class Copy
        {
            readonly GameObject root;
            readonly Dictionary<string, List<MeshRenderer>> parts = new Dictionary<string, List<MeshRenderer>>(StringComparer.Ordinal);

            public Copy(GameObject template)
            {
                root = Object.Instantiate(template);
                foreach (MeshRenderer renderer in root.GetComponentsInChildren<MeshRenderer>(true))
                {
                    if (!parts.TryGetValue(renderer.gameObject.name, out List<MeshRenderer> renderers))
                        parts[renderer.gameObject.name] = renderers = new List<MeshRenderer>();
                    renderers.Add(renderer);
                }
            }

            public void Place(PlaceObject item, LitMaterials materials, List<DrawnPart> drawn)
            {
                EnginePose pose = item.Pose;
                root.transform.SetPositionAndRotation(
                    new Vector3((float)pose.Position[0], (float)pose.Position[1], (float)pose.Position[2]),
                    new Quaternion(
                        (float)pose.Rotation[0], (float)pose.Rotation[1], (float)pose.Rotation[2], (float)pose.Rotation[3]));
                root.transform.localScale = Vector3.one * (float)pose.Scale;
                foreach (List<MeshRenderer> renderers in parts.Values)
                    foreach (MeshRenderer renderer in renderers)
                        renderer.enabled = false;
                foreach (PlacedPart part in item.Parts)
                    foreach (MeshRenderer renderer in parts[part.Part])
                        Show(renderer, part, materials, drawn);
                root.SetActive(true);
            }

            static void Show(MeshRenderer renderer, PlacedPart part, LitMaterials materials, List<DrawnPart> drawn)
            {
                renderer.enabled = true;
                // A part that is looked through stays on the layer that the id pass leaves out.
                renderer.gameObject.layer = part.SeeThrough ? 0 : StageParts.LabelledLayer;
                // The value is not kept with a scene or a copy, so it is set for every frame.
                renderer.SetShaderUserValue((uint)part.Row);
                if (materials != null)
                {
                    Material[] worn = renderer.sharedMaterials;
                    for (int index = 0; index < worn.Length; index++)
                        worn[index] = materials[part.Material];
                    renderer.sharedMaterials = worn;
                }
                if (!part.SeeThrough)
                    drawn.Add(new DrawnPart(renderer, (uint)part.Row));
            }

            public void Hide() => root.SetActive(false);

            public void Destroy() => Object.Destroy(root);
        }
    }

    /// <summary>A renderer that the id pass draws.</summary>
    struct DrawnPart
    {
        public DrawnPart(MeshRenderer renderer, uint row)
        {
            Renderer = renderer;
            Row = row;
        }

        public MeshRenderer Renderer { get; }
        public uint Row { get; }
    }
}
