// Signatures of HDRP 17.3 that the player uses.
using System;
using System.Collections.Generic;

namespace UnityEngine.Rendering.HighDefinition
{
    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDRenderPipelineAsset")]
    public class HDRenderPipelineAsset : RenderPipelineAsset { }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDAdditionalLightData")]
    public class HDAdditionalLightData : MonoBehaviour
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDAdditionalLightData")]
        public void SetShadowResolutionOverride(bool useOverride) { }

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDAdditionalLightData")]
        public void SetShadowResolution(int resolution) { }
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.GameObjectExtension")]
    public static class GameObjectExtension
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.GameObjectExtension")]
        public static HDAdditionalLightData AddHDLight(this GameObject gameObject, LightType type) => null;
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDMaterial")]
    public static class HDMaterial
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDMaterial")]
        public static bool ValidateMaterial(Material material) => false;

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDMaterial")]
        public static void SetSurfaceType(Material material, bool transparent) { }
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDCamera")]
    public class HDCamera
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDCamera")]
        public static HDCamera GetOrCreate(Camera camera, int xrMultipassId = 0) => null;

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDCamera")]
        public void Reset() { }
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDAdditionalCameraData")]
    public class HDAdditionalCameraData : MonoBehaviour
    {
        FrameSettings settings;

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDAdditionalCameraData.AntialiasingMode")]
        public enum AntialiasingMode { None }

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDAdditionalCameraData")]
        public AntialiasingMode antialiasing;

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDAdditionalCameraData")]
        public bool customRenderingSettings;

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDAdditionalCameraData")]
        public FrameSettingsOverrideMask renderingPathCustomFrameSettingsOverrideMask;

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDAdditionalCameraData")]
        public ref FrameSettings renderingPathCustomFrameSettings => ref settings;
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.FrameSettings")]
    public struct FrameSettings
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.FrameSettings")]
        public void SetEnabled(FrameSettingsField field, bool value) { }
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.FrameSettingsOverrideMask")]
    public struct FrameSettingsOverrideMask
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.FrameSettingsOverrideMask")]
        public BitArray128 mask;
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.FrameSettingsField")]
    public enum FrameSettingsField
    {
        MotionVectors = 10,
        Postprocess = 15,
        SSR = 23,
        AsymmetricProjection = 78,
        SSGI = 95,
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPassInjectionPoint")]
    public enum CustomPassInjectionPoint { BeforePostProcess = 2 }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPassVolume")]
    public class CustomPassVolume : MonoBehaviour
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPassVolume")]
        public Camera targetCamera { set { } }

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPassVolume")]
        public CustomPassInjectionPoint injectionPoint;

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPassVolume")]
        public List<CustomPass> customPasses = new List<CustomPass>();
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPassContext")]
    public struct CustomPassContext
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPassContext")]
        public readonly CommandBuffer cmd;

        internal CustomPassContext(CommandBuffer cmd)
        {
            this.cmd = cmd;
        }
    }

    [Serializable]
    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPass")]
    public abstract class CustomPass
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPass.TargetBuffer")]
        public enum TargetBuffer { None = 2 }

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPass.RenderQueueType")]
        public enum RenderQueueType { All = 10 }

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPass")]
        public TargetBuffer targetColorBuffer;

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPass")]
        public TargetBuffer targetDepthBuffer;

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPass")]
        protected virtual void Execute(CustomPassContext ctx) { }
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPassUtils")]
    public static class CustomPassUtils
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.CustomPassUtils")]
        public static void DrawRenderers(
            in CustomPassContext ctx, LayerMask layerMask,
            CustomPass.RenderQueueType renderQueueFilter = CustomPass.RenderQueueType.All, Material overrideMaterial = null,
            int overrideMaterialIndex = 0, RenderStateBlock overrideRenderState = default(RenderStateBlock),
            SortingCriteria sorting = SortingCriteria.CommonOpaque) { }
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.SkyType")]
    public enum SkyType { HDRI = 1 }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.SkyAmbientMode")]
    public enum SkyAmbientMode { Dynamic = 1 }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.SkyIntensityMode")]
    public enum SkyIntensityMode { Multiplier = 2 }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.ExposureMode")]
    public enum ExposureMode { Fixed = 0 }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.SkyAmbientModeParameter")]
    public sealed class SkyAmbientModeParameter : VolumeParameter<SkyAmbientMode> { }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.SkyIntensityParameter")]
    public sealed class SkyIntensityParameter : VolumeParameter<SkyIntensityMode> { }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.ExposureModeParameter")]
    public sealed class ExposureModeParameter : VolumeParameter<ExposureMode> { }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.VisualEnvironment")]
    public sealed class VisualEnvironment : VolumeComponent
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.VisualEnvironment")]
        public NoInterpIntParameter skyType = new NoInterpIntParameter();

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.VisualEnvironment")]
        public SkyAmbientModeParameter skyAmbientMode = new SkyAmbientModeParameter();
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.SkySettings")]
    public abstract class SkySettings : VolumeComponent
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.SkySettings")]
        public SkyIntensityParameter skyIntensityMode = new SkyIntensityParameter();

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.SkySettings")]
        public MinFloatParameter multiplier = new MinFloatParameter();
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDRISky")]
    public class HDRISky : SkySettings
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDRISky")]
        public CubemapParameter hdriSky = new CubemapParameter();
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.Exposure")]
    public sealed class Exposure : VolumeComponent
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.Exposure")]
        public ExposureModeParameter mode = new ExposureModeParameter();

        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.Exposure")]
        public FloatParameter fixedExposure = new FloatParameter();
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDShadowSettings")]
    public class HDShadowSettings : VolumeComponent
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.HDShadowSettings")]
        public NoInterpMinFloatParameter maxShadowDistance = new NoInterpMinFloatParameter();
    }

    [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.ScreenSpaceAmbientOcclusion")]
    public sealed class ScreenSpaceAmbientOcclusion : VolumeComponent
    {
        [Page("render-pipelines.high-definition", "UnityEngine.Rendering.HighDefinition.ScreenSpaceAmbientOcclusion")]
        public ClampedFloatParameter intensity = new ClampedFloatParameter();
    }
}
