using System;

namespace Beltline.Core
{
    /// <summary>
    /// Look. A lens without distortion is one projection. With it, a pinhole view that holds all of the image is
    /// rendered, and image, ids and depth are taken from it at <see cref="Lens.PlanePosition"/> of each pixel's centre.
    /// </summary>
    public sealed class SetCamera : Operation
    {
        const int LargestSourcePx = 16384;

        readonly double skew;

        internal SetCamera(Camera camera)
        {
            double[,] k = camera.K;
            Pose = Axes.CameraPose(camera.WorldFromCamera);
            WidthPx = SourceWidthPx = camera.WidthPx;
            HeightPx = SourceHeightPx = camera.HeightPx;
            IsDistorted = Lens.IsDistorted(camera);
            if (!IsDistorted)
            {
                Left = -k[0, 2] / k[0, 0];
                Right = (camera.WidthPx - k[0, 2]) / k[0, 0];
                Top = -k[1, 2] / k[1, 1];
                Bottom = (camera.HeightPx - k[1, 2]) / k[1, 1];
                skew = k[0, 1] / k[0, 0];
                return;
            }
            Left = Top = double.PositiveInfinity;
            Right = Bottom = double.NegativeInfinity;
            // A lens that does not fold maps the image's border to the border of what it sees.
            for (int column = 0; column <= camera.WidthPx; column++)
            {
                Include(camera, column, 0);
                Include(camera, column, camera.HeightPx);
            }
            for (int row = 0; row <= camera.HeightPx; row++)
            {
                Include(camera, 0, row);
                Include(camera, camera.WidthPx, row);
            }
            SourceWidthPx = Pixels((Right - Left) * k[0, 0]);
            SourceHeightPx = Pixels((Bottom - Top) * k[1, 1]);
        }

        public EnginePose Pose { get; }

        /// <summary>Of the delivered image.</summary>
        public int WidthPx { get; }
        public int HeightPx { get; }

        /// <summary>Whether the rendered view must be resampled.</summary>
        public bool IsDistorted { get; }

        /// <summary>Of the rendered view; on the optical axis its pixels are as fine as those of the image.</summary>
        public int SourceWidthPx { get; }
        public int SourceHeightPx { get; }

        /// <summary>Bounds of the view on the plane z = 1: x to the right, y down; where there is skew, at y = 0.</summary>
        public double Left { get; private set; }
        public double Right { get; private set; }
        public double Top { get; private set; }
        public double Bottom { get; private set; }

        /// <summary>Position on the plane z = 1 of a place in the rendered view, in pixels from its upper left corner.</summary>
        public void Plane(double column, double row, out double x, out double y)
        {
            y = Top + (Bottom - Top) * row / SourceHeightPx;
            x = Left + (Right - Left) * column / SourceWidthPx - skew * y;
        }

        /// <summary>The place in the rendered view, in pixels from its upper left corner, of a position on the plane z = 1.</summary>
        public void Source(double x, double y, out double column, out double row)
        {
            row = (y - Top) / (Bottom - Top) * SourceHeightPx;
            column = (x + skew * y - Left) / (Right - Left) * SourceWidthPx;
        }

        /// <summary>Rows of the projection of a view in OpenGL's convention, as Unity's Camera takes it.</summary>
        public double[,] Projection(double nearM, double farM)
        {
            double width = Right - Left, height = Bottom - Top;
            return new[,]
            {
                { 2 / width, -2 * skew / width, (Right + Left) / width, 0 },
                { 0, 2 / height, -(Bottom + Top) / height, 0 },
                { 0, 0, -(farM + nearM) / (farM - nearM), -2 * farM * nearM / (farM - nearM) },
                { 0, 0, -1, 0 },
            };
        }

        void Include(Camera camera, int column, int row)
        {
            Lens.PlanePosition(camera, column, row, out double x, out double y);
            Left = Math.Min(Left, x);
            Right = Math.Max(Right, x);
            Top = Math.Min(Top, y);
            Bottom = Math.Max(Bottom, y);
        }

        static int Pixels(double size)
        {
            if (size > LargestSourcePx)
                throw new Fault(
                    FaultCode.Unsupported,
                    "camera.distortion",
                    "its pinhole view has more than " + LargestSourcePx + " pixels on a side");
            return Math.Max(1, (int)Math.Ceiling(size));
        }
    }
}
