using System;

namespace Beltline.Core
{
    /// <summary>
    /// From the world's axes (right-handed, z up) to an engine's (left-handed, y up): (x, y, z) becomes (-x, z, -y). A
    /// GLB file is y up, (x, y, z) being stored as (x, z, -y), and Unity's importer turns x around: so these are the
    /// axes in which a model arrives there, and one change of basis serves models, world and lights alike.
    /// </summary>
    public static class Axes
    {
        static readonly double[,] EngineFromWorld =
        {
            { -1, 0, 0, 0 },
            { 0, 0, 1, 0 },
            { 0, -1, 0, 0 },
            { 0, 0, 0, 1 },
        };

        static readonly double[,] WorldFromEngine =
        {
            { -1, 0, 0, 0 },
            { 0, 0, -1, 0 },
            { 0, 1, 0, 0 },
            { 0, 0, 0, 1 },
        };

        /// <summary>From a camera that looks along +z with y up to one that looks along +z with y down.</summary>
        static readonly double[,] CameraFromEngine =
        {
            { 1, 0, 0, 0 },
            { 0, -1, 0, 0 },
            { 0, 0, 1, 0 },
            { 0, 0, 0, 1 },
        };

        /// <summary>A direction or position of the world.</summary>
        public static double[] Vector(double[] world) => new[] { -world[0], world[2], -world[1] };

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

        /// <summary>The pose of a model, or of an environment.</summary>
        public static EnginePose Pose(double[,] worldFromObject)
        {
            return new EnginePose(Similarity.Product(
                Similarity.Product(EngineFromWorld, worldFromObject), WorldFromEngine));
        }

        /// <summary>The pose of a camera, which looks along its +z axis on both sides.</summary>
        public static EnginePose CameraPose(double[,] worldFromCamera)
        {
            return new EnginePose(Similarity.Product(
                Similarity.Product(EngineFromWorld, worldFromCamera), CameraFromEngine));
        }
    }

    /// <summary>Rotation, uniform scale and translation in the engine's axes.</summary>
    public sealed class EnginePose
    {
        /// <param name="matrix">4x4 rows of a similarity.</param>
        public EnginePose(double[,] matrix)
        {
            Position = new[] { matrix[0, 3], matrix[1, 3], matrix[2, 3] };
            Scale = Similarity.Scale(matrix, double.PositiveInfinity).Value;
            Rotation = Quaternion(matrix);
        }

        /// <summary>Metres.</summary>
        public double[] Position { get; }

        /// <summary>Unit quaternion x, y, z, w.</summary>
        public double[] Rotation { get; }

        public double Scale { get; }

        /// <summary>
        /// Of the matrix's rotation. Source: S. W. Shepperd, "Quaternion from Rotation Matrix", Journal of Guidance and
        /// Control 1(3), 1978: the largest component is found first, so that nothing is divided by a small one.
        /// </summary>
        double[] Quaternion(double[,] matrix)
        {
            double trace = matrix[0, 0] + matrix[1, 1] + matrix[2, 2];
            var squares = new[]
            {
                Scale + 2 * matrix[0, 0] - trace,
                Scale + 2 * matrix[1, 1] - trace,
                Scale + 2 * matrix[2, 2] - trace,
                Scale + trace,
            };
            int largest = 0;
            for (int index = 1; index < 4; index++)
                if (squares[index] > squares[largest])
                    largest = index;
            double[] result = Products(matrix, largest);
            result[largest] = squares[largest];
            double length = 0;
            foreach (double value in result)
                length += value * value;
            for (int index = 0; index < 4; index++)
                result[index] /= Math.Sqrt(length);
            return result;
        }

        /// <summary>Each component times the given one, up to one factor.</summary>
        static double[] Products(double[,] m, int component)
        {
            double x = m[2, 1] - m[1, 2], y = m[0, 2] - m[2, 0], z = m[1, 0] - m[0, 1];
            double xy = m[1, 0] + m[0, 1], xz = m[0, 2] + m[2, 0], yz = m[2, 1] + m[1, 2];
            switch (component)
            {
                case 0:
                    return new[] { 0, xy, xz, x };
                case 1:
                    return new[] { xy, 0, yz, y };
                case 2:
                    return new[] { xz, yz, 0, z };
                default:
                    return new[] { x, y, z, 0 };
            }
        }
    }
}
