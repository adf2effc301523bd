using System;
using System.Threading.Tasks;
using UnityEngine;
using UnityEngine.Experimental.Rendering;
using UnityEngine.Rendering;

namespace Beltline.Runtime
{
    /// <summary>What a frame is drawn into, and read back from. Made anew only when a frame has another size.</summary>
    sealed class CaptureTargets : IDisposable
    {
        /// <summary>Layers are added in steps, so that few frames need new ones.</summary>
        const int LayerStep = 16;

        /// <summary>Of the picture, along each side of a pixel of the ids.</summary>
        public const int Supersampling = 2;

        readonly int layers;

        public CaptureTargets(int widthPx, int heightPx, int instances)
        {
            WidthPx = widthPx;
            HeightPx = heightPx;
            layers = Math.Max(1, (instances + LayerStep - 1) / LayerStep) * LayerStep;
            Color = Made(widthPx * Supersampling, heightPx * Supersampling, GraphicsFormat.R32G32B32A32_SFloat, GraphicsFormat.None);
            Rows = Made(widthPx, heightPx, GraphicsFormat.R32_UInt, GraphicsFormat.None);
            Depth = Made(widthPx, heightPx, GraphicsFormat.R32_SFloat, GraphicsFormat.None);
            Near = Made(widthPx, heightPx, GraphicsFormat.None, GraphicsFormat.D32_SFloat);
            var description = new RenderTextureDescriptor(widthPx, heightPx, GraphicsFormat.R8_UNorm, GraphicsFormat.None);
            description.dimension = TextureDimension.Tex2DArray;
            description.volumeDepth = layers;
            Coverage = new RenderTexture(description);
            Coverage.Create();
        }

        public int WidthPx { get; }
        public int HeightPx { get; }

        /// <summary>Linear light, supersampled.</summary>
        public RenderTexture Color { get; }

        /// <summary>Numbers of the renderers.</summary>
        public RenderTexture Rows { get; }

        /// <summary>Metres along the optical axis.</summary>
        public RenderTexture Depth { get; }

        /// <summary>What is nearest, for the id pass.</summary>
        public RenderTexture Near { get; }

        /// <summary>A layer for every instance.</summary>
        public RenderTexture Coverage { get; }

        public bool Fit(int widthPx, int heightPx, int instances)
        {
            return widthPx == WidthPx && heightPx == HeightPx && instances <= layers;
        }

        /// <summary>Copies a texture to memory, without holding up the graphics card; layer after layer.</summary>
        /// <param name="count">Of the layers.</param>
        /// <exception cref="InvalidOperationException">The graphics card can't.</exception>
        public static Task<T[][]> Read<T>(RenderTexture texture, int count) where T : struct
        {
            var read = new TaskCompletionSource<T[][]>();
            AsyncGPUReadback.Request(texture, 0, 0, texture.width, 0, texture.height, 0, count, request =>
            {
                if (request.hasError)
                {
                    read.SetException(new InvalidOperationException("reading back a texture of the graphics card failed"));
                    return;
                }
                var layers = new T[count][];
                for (int layer = 0; layer < count; layer++)
                    layers[layer] = request.GetData<T>(layer).ToArray();
                read.SetResult(layers);
            });
            return read.Task;
        }

        public void Dispose()
        {
            foreach (RenderTexture texture in new[] { Color, Rows, Depth, Near, Coverage })
            {
                texture.Release();
                UnityEngine.Object.Destroy(texture);
            }
        }

        static RenderTexture Made(int widthPx, int heightPx, GraphicsFormat color, GraphicsFormat depth)
        {
            var texture = new RenderTexture(widthPx, heightPx, color, depth);
            texture.Create();
            return texture;
        }
    }
}
