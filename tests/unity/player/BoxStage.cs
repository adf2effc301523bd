using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Beltline.Core;

namespace Beltline.MonoPlayer
{
    /// <summary>
    /// Casts rays at the boxes around the parts, lit by sun and sky: right in place, depth and ids wherever a part is a
    /// box, and enough of a picture for the gate.
    /// </summary>
    public sealed class BoxStage : IStage
    {
        readonly Dictionary<string, UseMaterial> materials = new Dictionary<string, UseMaterial>();
        readonly List<Box> boxes = new List<Box>();
        readonly Light light = new Light();
        SetCamera camera;

        public PlayerIdentity Identity { get; } = new PlayerIdentity("mono", "1.0.0");

        public string Device => "boxes under Mono";

        /// <summary>Whether images have their lowest row first, as textures of some engines do.</summary>
        public bool FromBottom { get; set; }

        public Task<IStageModel> LoadModel(byte[] data, GlbDocument document)
        {
            return Task.FromResult<IStageModel>(new BoxModel(document.Bounds(), data.Length));
        }

        public IStageAsset LoadTexture(byte[] data) => new BoxModel(null, data.Length);

        public IStageAsset LoadEnvironment(CubeImage image) => new BoxModel(null, image.SidePx);

        public void Clear()
        {
            materials.Clear();
            boxes.Clear();
            light.Clear();
        }

        public void Use(UseMaterial material, IStageAsset texture) => materials[material.Name] = material;

        public void Place(PlaceObject item, IStageModel model)
        {
            foreach (PlacedPart part in item.Parts)
                if (!part.SeeThrough)
                    boxes.Add(new Box(item.Pose, ((BoxModel)model).Bounds[part.Part], part.Row, materials[part.Material]));
        }

        public void Shine(ShineLight shone) => light.Add(shone);

        public void Surround(SetEnvironment environment, IStageAsset image) => light.SkyCdM2 = environment.LuminanceCdM2;

        public void Look(SetCamera look) => camera = look;

        public void Expose(SetExposure exposure) => light.Scale = exposure.Scale;

        public Task<StageView> Capture(int warmUpFrames, IdTable ids)
        {
            int width = camera.SourceWidthPx, height = camera.SourceHeightPx;
            var coverage = new Dictionary<ushort, byte[]>();
            var view = new StageView
            {
                WidthPx = width,
                HeightPx = height,
                Supersampling = 1,
                Rgba = new float[width * height * 4],
                Rows = new uint[width * height],
                DepthM = new float[width * height],
                Coverage = coverage,
                FromBottom = FromBottom,
            };
            foreach (Box box in boxes)
            {
                box.Watch(camera.Pose.Position);
                coverage[ids.Instance((uint)box.Row)] = new byte[width * height];
            }
            for (int pixel = 0; pixel < width * height; pixel++)
            {
                camera.Plane(pixel % width + 0.5, pixel / width + 0.5, out double x, out double y);
                int place = FromBottom ? (height - 1 - pixel / width) * width + pixel % width : pixel;
                // Of length 1 along the optical axis, so that distances along it are depths.
                Cast(view, coverage, ids, place, Axes.Turned(camera.Pose.Rotation, new[] { x, -y, 1 }));
            }
            return Task.FromResult(view);
        }

        void Cast(StageView view, Dictionary<ushort, byte[]> coverage, IdTable ids, int place, double[] ray)
        {
            double nearest = double.PositiveInfinity;
            Box seen = null;
            double[] normal = null;
            foreach (Box box in boxes)
            {
                double depth = box.Depth(ray, out int side);
                if (double.IsPositiveInfinity(depth))
                    continue;
                coverage[ids.Instance((uint)box.Row)][place] = 1;
                if (depth >= nearest)
                    continue;
                nearest = depth;
                seen = box;
                normal = box.Normal(side);
            }
            light.Shade(seen == null ? null : seen.Material, normal, view.Rgba, place * 4);
            if (seen == null)
                return;
            view.Rows[place] = (uint)seen.Row;
            view.DepthM[place] = (float)nearest;
        }
    }

    /// <summary>A model as its parts' bounds; a texture or an environment has none.</summary>
    sealed class BoxModel : IStageModel
    {
        public BoxModel(IReadOnlyDictionary<string, double[][]> bounds, long sizeBytes)
        {
            Bounds = bounds;
            SizeBytes = sizeBytes;
        }

        public IReadOnlyDictionary<string, double[][]> Bounds { get; }
        public long SizeBytes { get; }

        public bool Has(string part) => Bounds.ContainsKey(part);

        public void Dispose()
        {
        }
    }

    /// <summary>The box around a part, in the axes of its object.</summary>
    sealed class Box
    {
        readonly EnginePose pose;
        readonly double[] inverse;
        readonly double[][] bounds;
        double[] origin;

        public Box(EnginePose pose, double[][] bounds, int row, UseMaterial material)
        {
            this.pose = pose;
            this.bounds = bounds;
            inverse = new[] { -pose.Rotation[0], -pose.Rotation[1], -pose.Rotation[2], pose.Rotation[3] };
            Row = row;
            Material = material;
        }

        public int Row { get; }
        public UseMaterial Material { get; }

        /// <summary>Rays start here from now on.</summary>
        public void Watch(double[] eye)
        {
            var offset = new double[3];
            for (int axis = 0; axis < 3; axis++)
                offset[axis] = (eye[axis] - pose.Position[axis]) / pose.Scale;
            origin = Axes.Turned(inverse, offset);
        }

        /// <summary>How many times the ray's vector it is to the box; infinite where it misses.</summary>
        /// <param name="side">1, 2, 3 for the axis that the hit side faces, negative towards its low end.</param>
        public double Depth(double[] ray, out int side)
        {
            double[] direction = Axes.Turned(inverse, ray);
            double enter = double.NegativeInfinity, leave = double.PositiveInfinity;
            side = 1;
            for (int axis = 0; axis < 3; axis++)
            {
                double speed = direction[axis] / pose.Scale;
                if (speed == 0)
                {
                    if (origin[axis] < bounds[0][axis] || origin[axis] > bounds[1][axis])
                        return double.PositiveInfinity;
                    continue;
                }
                double low = (bounds[0][axis] - origin[axis]) / speed;
                double high = (bounds[1][axis] - origin[axis]) / speed;
                if (Math.Min(low, high) > enter)
                {
                    enter = Math.Min(low, high);
                    side = speed > 0 ? -axis - 1 : axis + 1;
                }
                leave = Math.Min(leave, Math.Max(low, high));
            }
            return enter > 0 && enter <= leave ? enter : double.PositiveInfinity;
        }

        public double[] Normal(int side)
        {
            var normal = new double[3];
            normal[Math.Abs(side) - 1] = Math.Sign(side);
            return Axes.Turned(pose.Rotation, normal);
        }
    }

    /// <summary>Suns, an even sky, and the exposure.</summary>
    sealed class Light
    {
        readonly List<ShineLight> lights = new List<ShineLight>();

        public double SkyCdM2 { get; set; }
        public double Scale { get; set; }

        public void Clear() => lights.Clear();

        public void Add(ShineLight light) => lights.Add(light);

        /// <summary>Writes the light of a diffuse surface or a lamp, or of the sky where there is nothing.</summary>
        public void Shade(UseMaterial material, double[] normal, float[] rgba, int place)
        {
            for (int channel = 0; channel < 3; channel++)
            {
                double luminance = SkyCdM2;
                if (material != null)
                {
                    foreach (ShineLight light in lights)
                    {
                        double[] way = light.Direction;
                        double facing = -(way[0] * normal[0] + way[1] * normal[1] + way[2] * normal[2]);
                        luminance += light.IlluminanceLux[channel] * Math.Max(0, facing) / Math.PI;
                    }
                    luminance = luminance * material.Color[channel] + material.EmissionCdM2[channel];
                }
                rgba[place + channel] = (float)(luminance * Scale);
            }
        }
    }
}
