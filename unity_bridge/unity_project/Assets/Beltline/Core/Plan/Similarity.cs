using System;

namespace Beltline.Core
{
    /// <summary>Poses as matrices of rows: rotation, uniform scale, translation.</summary>
    public static class Similarity
    {
        const double SmallestDeterminant = 1e-18;

        /// <summary>Scale of a 4x4 pose; none where the matrix is anything but a similarity that keeps hands.</summary>
        public static double? Scale(double[,] pose, double tolerance)
        {
            double determinant = Determinant(pose);
            bool affine = pose[3, 0] == 0 && pose[3, 1] == 0 && pose[3, 2] == 0 && pose[3, 3] == 1;
            if (!(determinant > SmallestDeterminant) || double.IsInfinity(determinant) || !affine)
                return null;
            double scale = Math.Pow(determinant, 1.0 / 3.0);
            for (int first = 0; first < 3; first++)
                for (int second = 0; second < 3; second++)
                {
                    double product = 0;
                    for (int row = 0; row < 3; row++)
                        product += pose[row, first] * pose[row, second];
                    double error = product / (scale * scale) - (first == second ? 1 : 0);
                    if (!(Math.Abs(error) <= tolerance))
                        return null;
                }
            return scale;
        }

        /// <summary>A 4x4 pose of a 3x3 rotation.</summary>
        public static double[,] Pose(double[,] rotation)
        {
            var result = new double[4, 4];
            for (int row = 0; row < 3; row++)
                for (int column = 0; column < 3; column++)
                    result[row, column] = rotation[row, column];
            result[3, 3] = 1;
            return result;
        }

        /// <summary>Product of two 4x4 matrices.</summary>
        public static double[,] Product(double[,] left, double[,] right)
        {
            var result = new double[4, 4];
            for (int row = 0; row < 4; row++)
                for (int column = 0; column < 4; column++)
                    for (int index = 0; index < 4; index++)
                        result[row, column] += left[row, index] * right[index, column];
            return result;
        }

        /// <summary>Of the upper left 3x3 part.</summary>
        static double Determinant(double[,] m)
        {
            return m[0, 0] * (m[1, 1] * m[2, 2] - m[1, 2] * m[2, 1])
                - m[0, 1] * (m[1, 0] * m[2, 2] - m[1, 2] * m[2, 0])
                + m[0, 2] * (m[1, 0] * m[2, 1] - m[1, 1] * m[2, 0]);
        }
    }
}
