using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;

namespace Beltline.Core
{
    /// <summary>
    /// Renders frames on a stage: takes the last frame away, so that nothing in use is let go; then assets, so that
    /// nothing is put up for a frame that can't be; then the plan, the pictures to throw away, the capture; then, away from
    /// the engine's thread, lens, development and files.
    /// </summary>
    public sealed class StagedRenderer : IFrameRenderer
    {
        /// <summary>What assets may hold that the frame at hand does not need.</summary>
        public const long AssetBytes = 1L << 30;

        const double LargestDepthMm = 65535;
        const double MillimetresPerMetre = 1000;

        readonly IStage stage;
        readonly AssetShelf shelf;
        readonly WarmUp warmUp = new WarmUp();
        LensMap lens;

        public StagedRenderer(IStage stage, long assetBytes = AssetBytes)
        {
            this.stage = stage;
            shelf = new AssetShelf(assetBytes);
        }

        public PlayerIdentity Identity => stage.Identity;

        public string Device => stage.Device;

        public async Task<string> Render(FrameSpec spec, string assets, string folder)
        {
            var plan = new FramePlan(spec);
            FrameImages images = await Images(spec, plan, asset => AssetFile.Read(asset, assets));
            byte[] palette = plan.Operations.OfType<SetPalette>().Single().Colors;
            return await Task.Run(() => FrameFiles.Write(spec, plan.Ids, palette, images, Identity, folder));
        }

        /// <param name="read">Bytes of an asset, checked.</param>
        internal async Task<FrameImages> Images(FrameSpec spec, FramePlan plan, Func<UseAsset, byte[]> read)
        {
            stage.Clear();
            await shelf.Fetch(Wanted(plan, read));
            CheckParts(plan);
            PutUp(plan);
            StageView view = await stage.Capture(warmUp.Frames(plan.Operations.OfType<SetEnvironment>().Single()), plan.Ids);
            SetCamera camera = plan.Operations.OfType<SetCamera>().Single();
            return await Task.Run(() => Delivered(spec, camera, view));
        }

        Dictionary<string, Func<Task<IStageAsset>>> Wanted(FramePlan plan, Func<UseAsset, byte[]> read)
        {
            SetEnvironment environment = plan.Operations.OfType<SetEnvironment>().Single();
            var wanted = new Dictionary<string, Func<Task<IStageAsset>>>();
            foreach (UseAsset asset in plan.Operations.OfType<UseAsset>())
                if (asset.Digest == environment.Image)
                    wanted[Key(environment)] = () => Load(asset, read(asset), environment);
                else
                    wanted[asset.Digest] = () => Load(asset, read(asset), environment);
            return wanted;
        }

        /// <summary>An environment is kept as it is turned.</summary>
        static string Key(SetEnvironment environment)
        {
            return environment.Image + " " + string.Join(" ", environment.Pose.Rotation.Select(DoubleText.Of));
        }

        async Task<IStageAsset> Load(UseAsset asset, byte[] data, SetEnvironment environment)
        {
            try
            {
                if (asset.FileName.EndsWith(".glb", StringComparison.Ordinal))
                    return await stage.LoadModel(data, new GlbDocument(data));
                if (asset.FileName.EndsWith(".png", StringComparison.Ordinal))
                    return stage.LoadTexture(data);
                // Six faces are a lot of arithmetic.
                return stage.LoadEnvironment(
                    await Task.Run(() => new CubeImage(new RadianceImage(data), environment.Pose.Rotation)));
            }
            catch (InvalidDataException error)
            {
                throw new Fault(FaultCode.DamagedAsset, asset.Field, "not a readable file: " + error.Message);
            }
        }

        void CheckParts(FramePlan plan)
        {
            foreach (PlaceObject item in plan.Operations.OfType<PlaceObject>())
                foreach (PlacedPart part in item.Parts)
                    if (!((IStageModel)shelf[item.Asset]).Has(part.Part))
                        throw new Fault(FaultCode.InvalidSpec, part.Field, "asset " + item.Asset + " has no such part");
        }

        void PutUp(FramePlan plan)
        {
            foreach (Operation operation in plan.Operations)
            {
                if (operation is UseMaterial material)
                    stage.Use(material, material.Texture == null ? null : shelf[material.Texture]);
                if (operation is PlaceObject item)
                    stage.Place(item, (IStageModel)shelf[item.Asset]);
                if (operation is ShineLight light)
                    stage.Shine(light);
                if (operation is SetEnvironment environment)
                    stage.Surround(environment, shelf[Key(environment)]);
                if (operation is SetCamera camera)
                    stage.Look(camera);
                if (operation is SetExposure exposure)
                    stage.Expose(exposure);
            }
        }

        FrameImages Delivered(FrameSpec spec, SetCamera camera, StageView view)
        {
            if (view.WidthPx != camera.SourceWidthPx || view.HeightPx != camera.SourceHeightPx)
                throw new Fault(FaultCode.Internal, "", "the stage drew " + view.WidthPx + " x " + view.HeightPx + " pixels");
            if (lens == null || !lens.Fits(spec.Camera))
                lens = new LensMap(spec.Camera, camera);
            int[] indices = lens.Indices(view);
            return new FrameImages
            {
                Rgb = Developed(spec, lens.Picture(view)),
                Rows = indices.Select(index => view.Rows[index]).ToArray(),
                DepthMm = indices.Select(index => Millimetres(view.DepthM[index])).ToArray(),
                Covered = view.Coverage.ToDictionary(item => item.Key, item => Count(item.Value, indices)),
            };
        }

        static long Count(byte[] coverage, int[] indices)
        {
            long count = 0;
            foreach (int index in indices)
                if (coverage[index] != 0)
                    count++;
            return count;
        }

        static byte[] Developed(FrameSpec spec, float[] linear)
        {
            byte[] picture = Development.Picture(SensorLight.Expose(linear, spec), spec.WhiteBalanceGains);
            return CameraProcessing.Process(picture, spec.Camera.WidthPx, spec.Sensor);
        }

        static ushort Millimetres(float depthM)
        {
            double depthMm = Math.Round(depthM * MillimetresPerMetre);
            return depthMm > 0 && depthMm <= LargestDepthMm ? (ushort)depthMm : (ushort)0;
        }
    }
}
