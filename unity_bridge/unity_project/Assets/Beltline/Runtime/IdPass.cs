using System;
using System.Collections.Generic;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.HighDefinition;

namespace Beltline.Runtime
{
    /// <summary>
    /// Draws the number that each renderer carries, and depth, at the delivered resolution: whole numbers, with neither
    /// anti-aliasing nor colour management. Then every instance alone, to count what it covers.
    /// </summary>
    [Serializable]
    public sealed class IdPass : CustomPass
    {
        const int RowsAndDepth = 0;
        const int Alone = 1;

        Material material;
        CaptureTargets targets;
        IReadOnlyList<List<MeshRenderer>> instances;
        RenderTargetIdentifier[] colors;

        /// <summary>Draws with every picture from now on.</summary>
        /// <param name="instances">Renderers of each, in the order of the coverage's layers.</param>
        internal void Begin(Material ids, CaptureTargets into, IReadOnlyList<List<MeshRenderer>> instances)
        {
            material = ids;
            targets = into;
            this.instances = instances;
            colors = new RenderTargetIdentifier[] { into.Rows, into.Depth };
        }

        internal void End() => targets = null;

        protected override void Execute(CustomPassContext ctx)
        {
            if (targets == null)
                return;
            ctx.cmd.SetRenderTarget(colors, targets.Near);
            // All bits 0 are the number 0 too.
            ctx.cmd.ClearRenderTarget(true, true, Color.clear);
            CustomPassUtils.DrawRenderers(
                ctx, 1 << StageParts.LabelledLayer, RenderQueueType.All, material, RowsAndDepth);
            for (int layer = 0; layer < instances.Count; layer++)
            {
                ctx.cmd.SetRenderTarget(targets.Coverage, 0, CubemapFace.Unknown, layer);
                ctx.cmd.ClearRenderTarget(false, true, Color.clear);
                foreach (MeshRenderer renderer in instances[layer])
                    for (int submesh = 0; submesh < renderer.sharedMaterials.Length; submesh++)
                        ctx.cmd.DrawRenderer(renderer, material, submesh, Alone);
            }
        }
    }
}
