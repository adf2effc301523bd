// Signatures of the engine's and the render pipeline core's rendering that the player uses.
using System;

namespace UnityEngine.Rendering
{
    [Page("engine", "Rendering.LightUnit")]
    public enum LightUnit { Lux = 2 }

    [Page("engine", "Rendering.TextureDimension")]
    public enum TextureDimension { Tex2DArray = 5 }

    [Page("engine", "Rendering.GraphicsDeviceType")]
    public enum GraphicsDeviceType { Vulkan = 21 }

    [Page("engine", "Rendering.RenderTargetIdentifier")]
    public struct RenderTargetIdentifier
    {
        [Page("engine", "Rendering.RenderTargetIdentifier")]
        public static implicit operator RenderTargetIdentifier(Texture tex) => default(RenderTargetIdentifier);
    }

    [Page("engine", "Rendering.CommandBuffer")]
    public class CommandBuffer
    {
        [Page("engine", "Rendering.CommandBuffer.SetRenderTarget")]
        public void SetRenderTarget(RenderTargetIdentifier[] colors, RenderTargetIdentifier depth) { }

        [Page("engine", "Rendering.CommandBuffer.SetRenderTarget")]
        public void SetRenderTarget(RenderTargetIdentifier rt, int mipLevel, CubemapFace cubemapFace, int depthSlice) { }

        [Page("engine", "Rendering.CommandBuffer.ClearRenderTarget")]
        public void ClearRenderTarget(bool clearDepth, bool clearColor, Color backgroundColor) { }

        [Page("engine", "Rendering.CommandBuffer.DrawRenderer")]
        public void DrawRenderer(Renderer renderer, Material material, int submeshIndex, int shaderPass) { }
    }

    [Page("engine", "Rendering.AsyncGPUReadbackRequest")]
    public struct AsyncGPUReadbackRequest
    {
        [Page("engine", "Rendering.AsyncGPUReadbackRequest-hasError")]
        public bool hasError => false;

        [Page("engine", "Rendering.AsyncGPUReadbackRequest.GetData")]
        public Unity.Collections.NativeArray<T> GetData<T>(int layer = 0) where T : struct
        {
            return default(Unity.Collections.NativeArray<T>);
        }
    }

    [Page("engine", "Rendering.AsyncGPUReadback")]
    public static class AsyncGPUReadback
    {
        [Page("engine", "Rendering.AsyncGPUReadback.Request")]
        public static AsyncGPUReadbackRequest Request(
            Texture src, int mipIndex, int x, int width, int y, int height, int z, int depth,
            Action<AsyncGPUReadbackRequest> callback = null)
        {
            return default(AsyncGPUReadbackRequest);
        }
    }

    [Page("engine", "Rendering.RenderPipelineAsset")]
    public abstract class RenderPipelineAsset : ScriptableObject { }

    [Page("engine", "Rendering.GraphicsSettings")]
    public static class GraphicsSettings
    {
        [Page("engine", "Rendering.GraphicsSettings-defaultRenderPipeline")]
        public static RenderPipelineAsset defaultRenderPipeline { set { } }
    }

    [Page("render-pipelines.core", "UnityEngine.Rendering.RenderStateBlock")]
    public struct RenderStateBlock { }

    [Page("engine", "Rendering.SortingCriteria")]
    public enum SortingCriteria { CommonOpaque = 59 }

    [Page("render-pipelines.core", "UnityEngine.Rendering.BitArray128")]
    public struct BitArray128
    {
        [Page("render-pipelines.core", "UnityEngine.Rendering.BitArray128")]
        public bool this[uint index] { set { } }
    }

    [Page("render-pipelines.core", "UnityEngine.Rendering.Volume")]
    public class Volume : MonoBehaviour
    {
        [Page("render-pipelines.core", "UnityEngine.Rendering.Volume")]
        public bool isGlobal { set { } }

        [Page("render-pipelines.core", "UnityEngine.Rendering.Volume")]
        public float priority;

        [Page("render-pipelines.core", "UnityEngine.Rendering.Volume")]
        public VolumeProfile sharedProfile;

        [Page("render-pipelines.core", "UnityEngine.Rendering.Volume")]
        public VolumeProfile profile => null;
    }

    [Page("render-pipelines.core", "UnityEngine.Rendering.VolumeProfile")]
    public sealed class VolumeProfile : ScriptableObject
    {
        [Page("render-pipelines.core", "UnityEngine.Rendering.VolumeProfile")]
        public T Add<T>(bool overrides = false) where T : VolumeComponent => default(T);

        [Page("render-pipelines.core", "UnityEngine.Rendering.VolumeProfile")]
        public bool TryGet<T>(out T component) where T : VolumeComponent
        {
            component = default(T);
            return false;
        }
    }

    [Page("render-pipelines.core", "UnityEngine.Rendering.VolumeComponent")]
    public class VolumeComponent : ScriptableObject { }

    [Page("render-pipelines.core", "UnityEngine.Rendering.VolumeParameter-1")]
    public class VolumeParameter<T>
    {
        [Page("render-pipelines.core", "UnityEngine.Rendering.VolumeParameter-1")]
        public void Override(T x) { }
    }

    [Page("render-pipelines.core", "UnityEngine.Rendering.FloatParameter")]
    public class FloatParameter : VolumeParameter<float> { }

    [Page("render-pipelines.core", "UnityEngine.Rendering.MinFloatParameter")]
    public class MinFloatParameter : FloatParameter { }

    [Page("render-pipelines.core", "UnityEngine.Rendering.ClampedFloatParameter")]
    public class ClampedFloatParameter : FloatParameter { }

    [Page("render-pipelines.core", "UnityEngine.Rendering.NoInterpMinFloatParameter")]
    public class NoInterpMinFloatParameter : VolumeParameter<float> { }

    [Page("render-pipelines.core", "UnityEngine.Rendering.NoInterpIntParameter")]
    public class NoInterpIntParameter : VolumeParameter<int> { }

    [Page("render-pipelines.core", "UnityEngine.Rendering.CubemapParameter")]
    public class CubemapParameter : VolumeParameter<Texture> { }
}
