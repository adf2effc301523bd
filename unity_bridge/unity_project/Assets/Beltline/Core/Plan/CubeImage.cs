using System;

namespace Beltline.Core
{
    /// <summary>
    /// An environment as the six faces that an engine samples by direction, its rotation already in them. Faces are in
    /// the order +x, -x, +y, -y, +z, -z, oriented as OpenGL and Direct3D do. Source: OpenGL 4.6 Core Profile
    /// Specification, section 8.13 (cube map texture selection).
    /// </summary>
    public sealed class CubeImage
    {
        public const int Faces = 6;
        const int SmallestSide = 16;

        /// <param name="image">Its centre lies in direction +x of the environment, its upper edge in +z.</param>
        /// <param name="rotation">Unit quaternion of the environment's pose in the engine's axes.</param>
        public CubeImage(RadianceImage image, double[] rotation)
        {
            SidePx = Math.Max(SmallestSide, image.WidthPx / 4);
            Rgba = new float[Faces][];
            double[] back = { -rotation[0], -rotation[1], -rotation[2], rotation[3] };
            for (int face = 0; face < Faces; face++)
            {
                Rgba[face] = new float[SidePx * SidePx * 4];
                for (int pixel = 0; pixel < SidePx * SidePx; pixel++)
                {
                    double s = 2 * (pixel % SidePx + 0.5) / SidePx - 1, t = 2 * (pixel / SidePx + 0.5) / SidePx - 1;
                    double[] inEngine = Axes.Turned(back, Direction(face, s, t));
                    // The world's axes from the engine's: x is -x, y is -z, z is y.
                    Sample(image, -inEngine[0], -inEngine[2], inEngine[1], Rgba[face], 4 * pixel);
                }
            }
        }

        public int SidePx { get; }

        /// <summary>Red, green, blue and 1 of each face, rows along t, pixels along s.</summary>
        public float[][] Rgba { get; }

        static double[] Direction(int face, double s, double t)
        {
            switch (face)
            {
                case 0:
                    return new[] { 1, -t, -s };
                case 1:
                    return new[] { -1, -t, s };
                case 2:
                    return new[] { s, 1, t };
                case 3:
                    return new[] { s, -1, -t };
                case 4:
                    return new[] { s, -t, 1 };
                default:
                    return new[] { -s, -t, -1 };
            }
        }

        /// <summary>Bilinear, around the image's seam.</summary>
        static void Sample(RadianceImage image, double x, double y, double z, float[] rgba, int place)
        {
            int width = image.WidthPx, height = image.HeightPx;
            double column = (0.5 - Math.Atan2(y, x) / (2 * Math.PI)) * width - 0.5;
            double row = Math.Acos(z / Math.Sqrt(x * x + y * y + z * z)) / Math.PI * height - 0.5;
            int left = (int)Math.Floor(column), upper = (int)Math.Floor(row);
            double across = column - left, down = row - upper;
            int right = (left + 1 + width) % width;
            left = (left + width) % width;
            int lower = Math.Min(upper + 1, height - 1);
            upper = Math.Max(upper, 0);
            for (int channel = 0; channel < 3; channel++)
            {
                double top = Between(image, left, right, upper, across, channel);
                double bottom = Between(image, left, right, lower, across, channel);
                rgba[place + channel] = (float)(top + (bottom - top) * down);
            }
            rgba[place + 3] = 1;
        }

        static double Between(RadianceImage image, int left, int right, int row, double across, int channel)
        {
            double a = image.Rgb[(row * image.WidthPx + left) * 3 + channel];
            double b = image.Rgb[(row * image.WidthPx + right) * 3 + channel];
            return a + (b - a) * across;
        }
    }
}
