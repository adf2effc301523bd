using System;

namespace Beltline.Core
{
    /// <summary>
    /// What is left of a picture after JPEG compression with 4:2:0 subsampling: its numbers are rounded as the codec does,
    /// and nothing is encoded. Source: ITU-T T.81, annexes A and K; JFIF 1.02; quality in the scale of the Independent JPEG
    /// Group; chroma is spread with the triangle filter that decoders use.
    /// </summary>
    static class JpegLoss
    {
        const int Side = 8;

        static readonly int[] LumaSteps =
        {
            16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
            14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
            49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
        };

        static readonly int[] ChromaSteps =
        {
            17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
            47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
            99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
        };

        static readonly double[,] Cosines = MakeCosines();

        public static byte[] Of(byte[] rgb, int width, int quality)
        {
            int height = rgb.Length / 3 / width;
            double[][,] planes = Separated(rgb, width, height);
            planes[0] = Rounded(planes[0], Scaled(LumaSteps, quality));
            for (int index = 1; index < 3; index++)
                planes[index] = Spread(Rounded(Halved(planes[index]), Scaled(ChromaSteps, quality)), width, height);
            var result = new byte[rgb.Length];
            for (int row = 0; row < height; row++)
                for (int column = 0; column < width; column++)
                {
                    double luma = planes[0][row, column], blue = planes[1][row, column] - 128, red = planes[2][row, column] - 128;
                    int place = (row * width + column) * 3;
                    result[place] = Byte(luma + 1.402 * red);
                    result[place + 1] = Byte(luma - 0.344136286 * blue - 0.714136286 * red);
                    result[place + 2] = Byte(luma + 1.772 * blue);
                }
            return result;
        }

        /// <summary>Luma and two of chroma, repeated at the border up to whole blocks of 16.</summary>
        static double[][,] Separated(byte[] rgb, int width, int height)
        {
            int rows = (height + 15) / 16 * 16, columns = (width + 15) / 16 * 16;
            var planes = new[] { new double[rows, columns], new double[rows, columns], new double[rows, columns] };
            for (int row = 0; row < rows; row++)
                for (int column = 0; column < columns; column++)
                {
                    int place = (Math.Min(row, height - 1) * width + Math.Min(column, width - 1)) * 3;
                    double red = rgb[place], green = rgb[place + 1], blue = rgb[place + 2];
                    planes[0][row, column] = Math.Round(0.299 * red + 0.587 * green + 0.114 * blue);
                    planes[1][row, column] = Math.Round(128 - 0.168735892 * red - 0.331264108 * green + 0.5 * blue);
                    planes[2][row, column] = Math.Round(128 + 0.5 * red - 0.418687589 * green - 0.081312411 * blue);
                }
            return planes;
        }

        /// <summary>Mean of every four; halves go down and up in turn.</summary>
        static double[,] Halved(double[,] plane)
        {
            var result = new double[plane.GetLength(0) / 2, plane.GetLength(1) / 2];
            for (int row = 0; row < result.GetLength(0); row++)
                for (int column = 0; column < result.GetLength(1); column++)
                {
                    double sum = plane[2 * row, 2 * column] + plane[2 * row, 2 * column + 1]
                        + plane[2 * row + 1, 2 * column] + plane[2 * row + 1, 2 * column + 1];
                    result[row, column] = Math.Floor((sum + 1 + column % 2) / 4);
                }
            return result;
        }

        /// <summary>Nine, three, three and one sixteenth of the nearest four.</summary>
        static double[,] Spread(double[,] plane, int width, int height)
        {
            int rows = (height + 1) / 2, columns = (width + 1) / 2;
            var result = new double[height, width];
            for (int row = 0; row < height; row++)
            {
                int near = row / 2, far = Math.Max(0, Math.Min(rows - 1, near + (row % 2 == 0 ? -1 : 1)));
                for (int column = 0; column < width; column++)
                {
                    int left = column / 2, right = Math.Max(0, Math.Min(columns - 1, left + (column % 2 == 0 ? -1 : 1)));
                    double here = 3 * plane[near, left] + plane[far, left], there = 3 * plane[near, right] + plane[far, right];
                    result[row, column] = Math.Floor((3 * here + there + (column % 2 == 0 ? 8 : 7)) / 16);
                }
            }
            return result;
        }

        /// <summary>Every block of eight by eight through its cosine transform, in whole steps, and back.</summary>
        static double[,] Rounded(double[,] plane, int[] steps)
        {
            var result = new double[plane.GetLength(0), plane.GetLength(1)];
            var block = new double[Side, Side];
            for (int row = 0; row < plane.GetLength(0); row += Side)
                for (int column = 0; column < plane.GetLength(1); column += Side)
                {
                    for (int index = 0; index < Side * Side; index++)
                        block[index / Side, index % Side] = plane[row + index / Side, column + index % Side] - 128;
                    block = Transformed(block, false);
                    for (int index = 0; index < Side * Side; index++)
                    {
                        double step = steps[index], value = block[index / Side, index % Side];
                        block[index / Side, index % Side] = Math.Round(value / step, MidpointRounding.AwayFromZero) * step;
                    }
                    block = Transformed(block, true);
                    for (int index = 0; index < Side * Side; index++)
                        result[row + index / Side, column + index % Side] = Byte(block[index / Side, index % Side] + 128);
                }
            return result;
        }

        static double[,] Transformed(double[,] block, bool back)
        {
            return Multiplied(Multiplied(Cosines, block, back, false), Cosines, false, !back);
        }

        static double[,] Multiplied(double[,] left, double[,] right, bool turnLeft, bool turnRight)
        {
            var result = new double[Side, Side];
            for (int row = 0; row < Side; row++)
                for (int column = 0; column < Side; column++)
                {
                    double sum = 0;
                    for (int index = 0; index < Side; index++)
                        sum += (turnLeft ? left[index, row] : left[row, index]) * (turnRight ? right[column, index] : right[index, column]);
                    result[row, column] = sum;
                }
            return result;
        }

        static double[,] MakeCosines()
        {
            var result = new double[Side, Side];
            for (int frequency = 0; frequency < Side; frequency++)
                for (int place = 0; place < Side; place++)
                    result[frequency, place] = Math.Sqrt((frequency == 0 ? 1.0 : 2.0) / Side)
                        * Math.Cos((2 * place + 1) * frequency * Math.PI / (2 * Side));
            return result;
        }

        static int[] Scaled(int[] steps, int quality)
        {
            int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
            return Array.ConvertAll(steps, step => Math.Max(1, Math.Min(255, (step * scale + 50) / 100)));
        }

        static byte Byte(double value) => (byte)Math.Max(0, Math.Min(255, Math.Round(value)));
    }
}
