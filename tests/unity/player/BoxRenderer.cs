using System;
using System.Collections.Generic;
using System.Linq;
using Beltline.Core;

namespace Beltline.MonoPlayer
{
    /// <summary>
    /// Casts rays at the boxes around the parts, lit by sun and sky: right in place, depth and ids wherever a part is a
    /// box, and enough of a picture for the gate. It applies the plan of a spec as an engine would.
    /// </summary>
    public sealed class BoxRenderer : IFrameRenderer
    {
        const int LargestDepthMm = 65535;

        public PlayerIdentity Identity { get; } = new PlayerIdentity("mono", "1.0.0");

        public string Device => "boxes under Mono";

        public string Render(FrameSpec spec, string assets, string folder)
        {
            var plan = new FramePlan(spec);
            var models = new Dictionary<string, Dictionary<string, double[][]>>();
            var materials = new Dictionary<string, UseMaterial>();
            var boxes = new List<Box>();
            foreach (Operation operation in plan.Operations)
            {
                if (operation is UseAsset asset)
                {
                    byte[] data = AssetFile.Read(asset, assets);
                    if (asset.FileName.EndsWith(".glb", StringComparison.Ordinal))
                        models[asset.Digest] = GlbBounds.Read(data, asset.Field);
                }
                if (operation is UseMaterial material)
                    materials[material.Name] = material;
                if (operation is PlaceObject item)
                    boxes.AddRange(Boxes(item, models[item.Asset], materials));
            }
            var palette = plan.Operations.OfType<SetPalette>().Single();
            return FrameFiles.Write(
                spec, plan.Ids, palette.Colors, Cast(spec.Camera, plan, boxes), Identity, folder);
        }

        static IEnumerable<Box> Boxes(
            PlaceObject item, Dictionary<string, double[][]> model, Dictionary<string, UseMaterial> materials)
        {
            foreach (PlacedPart part in item.Parts)
            {
                if (!model.TryGetValue(part.Part, out double[][] bounds))
                    throw new Fault(FaultCode.InvalidSpec, part.Field, "asset " + item.Asset + " has no such part");
                if (!part.SeeThrough)
                    yield return new Box(item.Pose, bounds, part.Row, materials[part.Material].Color);
            }
        }

        static FrameImages Cast(Camera camera, FramePlan plan, List<Box> boxes)
        {
            EnginePose pose = plan.Operations.OfType<SetCamera>().Single().Pose;
            var light = new Light(plan);
            int width = camera.WidthPx, count = width * camera.HeightPx;
            var images = new FrameImages { Rgb = new byte[count * 3], Rows = new uint[count], DepthMm = new ushort[count] };
            var covered = new Dictionary<ushort, long>();
            var here = new HashSet<ushort>();
            foreach (Box box in boxes)
                box.Watch(pose.Position);
            for (int pixel = 0; pixel < count; pixel++)
            {
                Lens.PlanePosition(camera, pixel % width + 0.5, pixel / width + 0.5, out double x, out double y);
                // Of length 1 along the optical axis, so that distances along it are depths.
                double[] ray = Vectors.Turned(pose.Rotation, new[] { x, -y, 1 });
                double nearest = double.PositiveInfinity;
                Box seen = null;
                double[] normal = null;
                here.Clear();
                foreach (Box box in boxes)
                {
                    double depth = box.Depth(ray, out int side);
                    if (double.IsPositiveInfinity(depth))
                        continue;
                    here.Add(plan.Ids.Instance((uint)box.Row));
                    if (depth >= nearest)
                        continue;
                    nearest = depth;
                    seen = box;
                    normal = box.Normal(side);
                }
                foreach (ushort instance in here)
                    covered[instance] = (covered.TryGetValue(instance, out long before) ? before : 0) + 1;
                light.Shade(seen == null ? null : seen.Color, normal, images.Rgb, pixel * 3);
                if (seen == null)
                    continue;
                images.Rows[pixel] = (uint)seen.Row;
                double depthMm = Math.Round(nearest * 1000);
                images.DepthMm[pixel] = depthMm <= LargestDepthMm ? (ushort)depthMm : (ushort)0;
            }
            images.Covered = covered;
            return images;
        }
    }

    /// <summary>The box around a part, in the axes of its object.</summary>
    sealed class Box
    {
        readonly EnginePose pose;
        readonly double[] inverse;
        readonly double[][] bounds;
        double[] origin;

        public Box(EnginePose pose, double[][] bounds, int row, double[] color)
        {
            this.pose = pose;
            this.bounds = bounds;
            inverse = Vectors.Conjugate(pose.Rotation);
            Row = row;
            Color = color;
        }

        public int Row { get; }
        public double[] Color { get; }

        /// <summary>Rays start here from now on.</summary>
        public void Watch(double[] eye)
        {
            var offset = new double[3];
            for (int axis = 0; axis < 3; axis++)
                offset[axis] = (eye[axis] - pose.Position[axis]) / pose.Scale;
            origin = Vectors.Turned(inverse, offset);
        }

        /// <summary>How many times the ray's vector it is to the box; infinite where it misses.</summary>
        /// <param name="side">1, 2, 3 for the axis that the hit side faces, negative towards its low end.</param>
        public double Depth(double[] ray, out int side)
        {
            double[] direction = Vectors.Turned(inverse, ray);
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
            return Vectors.Turned(pose.Rotation, normal);
        }
    }

    /// <summary>Sun, an even sky, and the exposure.</summary>
    sealed class Light
    {
        readonly ShineLight[] lights;
        readonly double skyCdM2;
        readonly double scale;
        readonly double[] gains;

        public Light(FramePlan plan)
        {
            lights = plan.Operations.OfType<ShineLight>().ToArray();
            skyCdM2 = plan.Operations.OfType<SetEnvironment>().Single().LuminanceCdM2;
            SetExposure exposure = plan.Operations.OfType<SetExposure>().Single();
            scale = exposure.Scale;
            gains = exposure.WhiteBalanceGains;
        }

        /// <summary>Writes the picture of a diffuse surface, or of the sky where there is none.</summary>
        public void Shade(double[] color, double[] normal, byte[] rgb, int place)
        {
            for (int channel = 0; channel < 3; channel++)
            {
                double luminance = skyCdM2;
                if (color != null)
                {
                    foreach (ShineLight light in lights)
                    {
                        double[] way = light.Direction;
                        double facing = -(way[0] * normal[0] + way[1] * normal[1] + way[2] * normal[2]);
                        luminance += light.IlluminanceLux[channel] * Math.Max(0, facing) / Math.PI;
                    }
                    luminance *= color[channel];
                }
                double value = luminance * scale * gains[channel];
                // K. Narkowicz, "ACES Filmic Tone Mapping Curve", 2015, then the sRGB encoding of IEC 61966-2-1.
                value = Math.Min(1, value * (2.51 * value + 0.03) / (value * (2.43 * value + 0.59) + 0.14));
                value = value <= 0.0031308 ? 12.92 * value : 1.055 * Math.Pow(value, 1 / 2.4) - 0.055;
                rgb[place + channel] = (byte)Math.Round(value * 255);
            }
        }
    }

    static class Vectors
    {
        /// <summary>A vector turned by a unit quaternion x, y, z, w.</summary>
        public static double[] Turned(double[] q, double[] v)
        {
            double x = q[1] * v[2] - q[2] * v[1] + q[3] * v[0];
            double y = q[2] * v[0] - q[0] * v[2] + q[3] * v[1];
            double z = q[0] * v[1] - q[1] * v[0] + q[3] * v[2];
            return new[]
            {
                v[0] + 2 * (q[1] * z - q[2] * y),
                v[1] + 2 * (q[2] * x - q[0] * z),
                v[2] + 2 * (q[0] * y - q[1] * x),
            };
        }

        public static double[] Conjugate(double[] q) => new[] { -q[0], -q[1], -q[2], q[3] };
    }
}
