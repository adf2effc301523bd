using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;
using Beltline.Core;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.HighDefinition;
using Object = UnityEngine.Object;

namespace Beltline.Runtime
{
    /// <summary>
    /// Draws frames with HDRP. Its pre-exposure with fixed exposure is the scale of the plan, so that the linear picture
    /// comes out in units of what saturates the sensor, and the core develops it as every player does.
    /// </summary>
    sealed class HdrpStage : IStage
    {
        const float NearM = 0.02f;
        const float FarM = 2000;
        const int AnisotropyLevel = 8;
        const int ShadowMapPx = 2048;

        /// <summary>Directional lights that HDRP's asset has room for by default.</summary>
        const int MostLights = 16;

        readonly StageParts parts;
        readonly ModelLoader loader;
        readonly LitMaterials materials;
        readonly Pool<Light> lights;
        readonly IdPass pass;
        readonly HashSet<StageModel> placed = new HashSet<StageModel>();
        readonly List<DrawnPart> drawn = new List<DrawnPart>();
        readonly HDRISky sky;
        readonly Exposure exposure;
        CaptureTargets targets;
        SetCamera camera;
        Light brightest;

        public HdrpStage(StageParts parts, string bundleFolder)
        {
            this.parts = parts;
            loader = new ModelLoader(parts, bundleFolder);
            materials = new LitMaterials(parts);
            lights = new Pool<Light>(MakeLight);
            // It binds its own targets.
            pass = new IdPass { targetColorBuffer = CustomPass.TargetBuffer.None, targetDepthBuffer = CustomPass.TargetBuffer.None };
            parts.Passes.customPasses.Add(pass);
            bool complete = parts.Volume.profile.TryGet(out sky) & parts.Volume.profile.TryGet(out exposure);
            if (!complete)
                throw new InvalidOperationException("the scene's volume profile has no HDRI sky or no exposure; build the scene again");
            parts.View.enabled = false;
        }

        public PlayerIdentity Identity { get; } = new PlayerIdentity("unity", Application.version + "+" + Application.unityVersion);

        public string Device => SystemInfo.graphicsDeviceName + " (" + SystemInfo.graphicsDeviceType + ")";

        public async Task<IStageModel> LoadModel(byte[] data, GlbDocument document) => await loader.Load(data, document);

        public IStageAsset LoadTexture(byte[] data)
        {
            var texture = new Texture2D(2, 2, TextureFormat.RGBA32, true, false);
            if (!texture.LoadImage(data, true))
            {
                Object.Destroy(texture);
                throw new InvalidDataException("not a PNG image");
            }
            texture.wrapMode = TextureWrapMode.Repeat;
            texture.filterMode = FilterMode.Trilinear;
            texture.anisoLevel = AnisotropyLevel;
            return new StageTexture(texture, data.Length);
        }

        public IStageAsset LoadEnvironment(CubeImage image)
        {
            var cubemap = new Cubemap(image.SidePx, TextureFormat.RGBAFloat, false);
            for (int face = 0; face < CubeImage.Faces; face++)
                cubemap.SetPixelData(image.Rgba[face], 0, (CubemapFace)face);
            cubemap.Apply(false, true);
            return new StageTexture(cubemap, (long)CubeImage.Faces * image.Rgba[0].Length * sizeof(float));
        }

        public void Clear()
        {
            foreach (StageModel model in placed)
                model.Clear();
            placed.Clear();
            drawn.Clear();
            materials.Clear();
            foreach (Light light in lights.Used)
                light.gameObject.SetActive(false);
            lights.ReturnAll();
            brightest = null;
        }

        public void Use(UseMaterial material, IStageAsset texture)
        {
            materials.Use(material, texture == null ? null : ((StageTexture)texture).Texture);
        }

        public void Place(PlaceObject item, IStageModel model)
        {
            placed.Add((StageModel)model);
            ((StageModel)model).Place(item, materials, drawn);
        }

        public void Shine(ShineLight shone)
        {
            double[] lux = shone.IlluminanceLux;
            double most = Math.Max(lux[0], Math.Max(lux[1], lux[2]));
            Light light = lights.Rent();
            if (lights.UsedCount > MostLights)
                throw new Fault(FaultCode.Unsupported, "lights", "more than " + MostLights + " that shine");
            light.lightUnit = LightUnit.Lux;
            light.intensity = (float)most;
            // Unity decodes a light's colour from sRGB.
            light.color = new Color((float)(lux[0] / most), (float)(lux[1] / most), (float)(lux[2] / most), 1).gamma;
            light.shadows = LightShadows.None;
            double[] way = shone.Direction;
            light.transform.rotation = Quaternion.LookRotation(new Vector3((float)way[0], (float)way[1], (float)way[2]));
            light.gameObject.SetActive(true);
            // HDRP has shadows for one directional light.
            if (brightest == null || brightest.intensity < light.intensity)
                brightest = light;
        }

        public void Surround(SetEnvironment environment, IStageAsset image)
        {
            sky.hdriSky.Override(((StageTexture)image).Texture);
            sky.skyIntensityMode.Override(SkyIntensityMode.Multiplier);
            sky.multiplier.Override((float)environment.LuminanceCdM2);
        }

        public void Look(SetCamera look)
        {
            int most = SystemInfo.maxTextureSize / CaptureTargets.Supersampling;
            if (look.SourceWidthPx > most || look.SourceHeightPx > most)
                throw new Fault(
                    FaultCode.Unsupported, "camera", "its view has more than the " + most + " pixels on a side that this card draws");
            camera = look;
            EnginePose pose = look.Pose;
            parts.View.transform.SetPositionAndRotation(
                new Vector3((float)pose.Position[0], (float)pose.Position[1], (float)pose.Position[2]),
                new Quaternion((float)pose.Rotation[0], (float)pose.Rotation[1], (float)pose.Rotation[2], (float)pose.Rotation[3]));
            parts.View.nearClipPlane = NearM;
            parts.View.farClipPlane = FarM;
            // The calibrated camera itself, its principal point included, rather than a focal length and a shift.
            double[,] rows = look.Projection(NearM, FarM);
            var projection = new Matrix4x4();
            for (int row = 0; row < 4; row++)
                for (int column = 0; column < 4; column++)
                    projection[row, column] = (float)rows[row, column];
            parts.View.projectionMatrix = projection;
        }

        public void Expose(SetExposure set)
        {
            exposure.mode.Override(ExposureMode.Fixed);
            exposure.fixedExposure.Override((float)set.Ev100);
        }

        public async Task<StageView> Capture(int warmUpFrames, IdTable ids)
        {
            var instances = new SortedDictionary<ushort, List<MeshRenderer>>();
            foreach (DrawnPart part in drawn)
            {
                ushort instance = ids.Instance(part.Row);
                if (instance == 0)
                    continue;
                if (!instances.TryGetValue(instance, out List<MeshRenderer> renderers))
                    instances[instance] = renderers = new List<MeshRenderer>();
                renderers.Add(part.Renderer);
            }
            if (brightest != null)
                brightest.shadows = LightShadows.Soft;
            Prepare(instances.Count);
            HDCamera.GetOrCreate(parts.View).Reset();
            parts.View.enabled = true;
            try
            {
                // The engine draws a picture between one turn of its loop and the next.
                for (int frame = 0; frame < warmUpFrames; frame++)
                    await Task.Yield();
                pass.Begin(parts.Ids, targets, new List<List<MeshRenderer>>(instances.Values));
                await Task.Yield();
            }
            finally
            {
                pass.End();
                parts.View.enabled = false;
            }
            return await Read(new List<ushort>(instances.Keys));
        }

        /// <summary>Leaves what has been put up on the screen, for people.</summary>
        public void Show()
        {
            parts.View.targetTexture = null;
            parts.View.enabled = true;
        }

        void Prepare(int instances)
        {
            if (targets == null || !targets.Fit(camera.SourceWidthPx, camera.SourceHeightPx, instances))
            {
                parts.View.targetTexture = null;
                if (targets != null)
                    targets.Dispose();
                targets = new CaptureTargets(camera.SourceWidthPx, camera.SourceHeightPx, instances);
            }
            parts.View.targetTexture = targets.Color;
        }

        async Task<StageView> Read(List<ushort> instances)
        {
            Task<float[][]> rgba = CaptureTargets.Read<float>(targets.Color, 1);
            Task<uint[][]> rows = CaptureTargets.Read<uint>(targets.Rows, 1);
            Task<float[][]> depth = CaptureTargets.Read<float>(targets.Depth, 1);
            var coverage = new Dictionary<ushort, byte[]>();
            if (instances.Count > 0)
            {
                byte[][] layers = await CaptureTargets.Read<byte>(targets.Coverage, instances.Count);
                for (int layer = 0; layer < layers.Length; layer++)
                    coverage[instances[layer]] = layers[layer];
            }
            return new StageView
            {
                WidthPx = targets.WidthPx,
                HeightPx = targets.HeightPx,
                Supersampling = CaptureTargets.Supersampling,
                Rgba = (await rgba)[0],
                Rows = (await rows)[0],
                DepthM = (await depth)[0],
                Coverage = coverage,
                // A texture's first row is its lowest in Unity; the self-test says so where it is not.
                FromBottom = true,
            };
        }

        Light MakeLight()
        {
            var holder = new GameObject("light");
            holder.SetActive(false);
            HDAdditionalLightData data = holder.AddHDLight(LightType.Directional);
            data.SetShadowResolutionOverride(true);
            data.SetShadowResolution(ShadowMapPx);
            Light light = holder.GetComponent<Light>();
            light.useColorTemperature = false;
            return light;
        }

        sealed class StageTexture : IStageAsset
        {
            public StageTexture(Texture texture, long sizeBytes)
            {
                Texture = texture;
                SizeBytes = sizeBytes;
            }

            public Texture Texture { get; }
            public long SizeBytes { get; }

            public void Dispose() => Object.Destroy(Texture);
        }
    }
}
