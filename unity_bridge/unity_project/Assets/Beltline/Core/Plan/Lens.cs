using System;

namespace Beltline.Core
{
    /// <summary>
    /// Intrinsics and Brown-Conrady distortion, inverted exactly. Source: D. C. Brown, "Close-Range Camera Calibration",
    /// Photogrammetric Engineering 37(8), 1971; coefficients and signs as in OpenCV's projectPoints.
    /// </summary>
    public static class Lens
    {
        const int NewtonSteps = 30;
        const double Converged = 1e-10;
        const int BorderSteps = 64;
        const int InsideSteps = 8;

        /// <summary>Refuses intrinsics that are none, and a distortion that can't be inverted within the image.</summary>
        /// <exception cref="Fault"><c>camera.K</c> or <c>camera.distortion</c>.</exception>
        public static void Check(Camera camera)
        {
            double[,] k = camera.K;
            bool pinhole = k[0, 0] > 0 && k[1, 1] > 0 && k[1, 0] == 0 && k[2, 0] == 0 && k[2, 1] == 0 && k[2, 2] == 1;
            if (!pinhole)
                throw new Fault(
                    FaultCode.InvalidSpec, "camera.K", "not rows (fx, skew, cx), (0, fy, cy), (0, 0, 1) with fx, fy > 0");
            if (!IsDistorted(camera))
                return;
            bool sound = true;
            // Distortion is smooth and worst at the border: a dense border and a sparse inside stand for all positions.
            for (int step = 0; step <= BorderSteps; step++)
            {
                double along = (double)step / BorderSteps;
                sound = sound && IsSound(camera, along, 0) && IsSound(camera, along, 1)
                    && IsSound(camera, 0, along) && IsSound(camera, 1, along);
            }
            for (int row = 0; row <= InsideSteps; row++)
                for (int column = 0; column <= InsideSteps; column++)
                    sound = sound && IsSound(camera, (double)column / InsideSteps, (double)row / InsideSteps);
            if (!sound)
                throw new Fault(
                    FaultCode.InvalidSpec,
                    "camera.distortion",
                    "folds over within the image: it can't be inverted there");
        }

        public static bool IsDistorted(Camera camera) => Array.Exists(camera.Distortion, value => value != 0);

        /// <summary>Undistorted position on the plane z = 1 of the camera frame, of a position in pixels.</summary>
        /// <returns>Whether the lens maps a direction there.</returns>
        public static bool PlanePosition(Camera camera, double columnPx, double rowPx, out double x, out double y)
        {
            double[,] k = camera.K;
            double yDistorted = (rowPx - k[1, 2]) / k[1, 1];
            double xDistorted = (columnPx - k[0, 2] - k[0, 1] * yDistorted) / k[0, 0];
            return Undistort(xDistorted, yDistorted, camera.Distortion, out x, out y);
        }

        static bool IsSound(Camera camera, double across, double down)
        {
            return PlanePosition(camera, across * camera.WidthPx, down * camera.HeightPx, out double x, out double y);
        }

        static bool Undistort(double xDistorted, double yDistorted, double[] coefficients, out double x, out double y)
        {
            x = xDistorted;
            y = yDistorted;
            if (!Array.Exists(coefficients, value => value != 0))
                return true;
            double errorX, errorY, a, b, d;
            for (int step = 0; step < NewtonSteps; step++)
            {
                Distort(x, y, coefficients, out errorX, out errorY, out a, out b, out d);
                errorX -= xDistorted;
                errorY -= yDistorted;
                double determinant = a * d - b * b;
                x -= (d * errorX - b * errorY) / determinant;
                y -= (a * errorY - b * errorX) / determinant;
            }
            Distort(x, y, coefficients, out errorX, out errorY, out a, out b, out d);
            errorX -= xDistorted;
            errorY -= yDistorted;
            double error = Math.Sqrt(errorX * errorX + errorY * errorY);
            bool ordered = a * d - b * b > 0 && a + d > 0;
            return error < Converged && ordered && x * x + y * y < FoldSquare(coefficients);
        }

        /// <summary>The distorted position, and its derivatives: dx'/dx, dx'/dy = dy'/dx, dy'/dy.</summary>
        static void Distort(
            double x, double y, double[] c, out double xNow, out double yNow, out double a, out double b, out double d)
        {
            double k1 = c[0], k2 = c[1], p1 = c[2], p2 = c[3], k3 = c[4];
            double square = x * x + y * y;
            double radial = 1 + square * (k1 + square * (k2 + square * k3));
            double slope = k1 + square * (2 * k2 + square * 3 * k3);
            xNow = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x);
            yNow = y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y;
            a = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x;
            b = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y;
            d = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x;
        }

        /// <summary>
        /// Square of the radius at which the radial part r (1 + k1 r^2 + k2 r^4 + k3 r^6) stops growing: the smallest
        /// positive root of its derivative in s = r^2, 1 + 3 k1 s + 5 k2 s^2 + 7 k3 s^3.
        /// </summary>
        static double FoldSquare(double[] coefficients)
        {
            double c1 = 3 * coefficients[0], c2 = 5 * coefficients[1], c3 = 7 * coefficients[4];
            // The derivative is 1 at s = 0. It falls to 0 first between 0 and its own first turn, or beyond the last.
            double[] turns = QuadraticRoots(c1, 2 * c2, 3 * c3);
            double start = 0;
            foreach (double turn in turns)
            {
                if (turn <= start)
                    continue;
                if (Derivative(turn, c1, c2, c3) <= 0)
                    return Bisect(start, turn, c1, c2, c3);
                start = turn;
            }
            double last = c3 != 0 ? c3 : c2 != 0 ? c2 : c1;
            if (last >= 0)
                return double.PositiveInfinity;
            double end = Math.Max(start * 2, 1);
            while (Derivative(end, c1, c2, c3) > 0)
                end *= 2;
            return Bisect(start, end, c1, c2, c3);
        }

        static double Derivative(double s, double c1, double c2, double c3) => 1 + s * (c1 + s * (c2 + s * c3));

        static double Bisect(double low, double high, double c1, double c2, double c3)
        {
            for (int step = 0; step < 200; step++)
            {
                double middle = (low + high) / 2;
                if (Derivative(middle, c1, c2, c3) > 0)
                    low = middle;
                else
                    high = middle;
            }
            return high;
        }

        /// <summary>Real roots of c + b s + a s^2, in order.</summary>
        static double[] QuadraticRoots(double c, double b, double a)
        {
            if (a == 0)
                return b == 0 ? new double[0] : new[] { -c / b };
            double discriminant = b * b - 4 * a * c;
            if (discriminant < 0)
                return new double[0];
            // Adding numbers of one sign only, so that nothing cancels.
            double sum = -(b + (b < 0 ? -1 : 1) * Math.Sqrt(discriminant)) / 2;
            var roots = new[] { sum / a, sum == 0 ? 0 : c / sum };
            Array.Sort(roots);
            return roots;
        }
    }
}
