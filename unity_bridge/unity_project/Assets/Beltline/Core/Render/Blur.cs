using System;

namespace Beltline.Core
{
    /// <summary>Linear filters on images of several channels, row by row; beyond its border an image is mirrored.</summary>
    static class Blur
    {
        const double Reach = 4;

        /// <summary>Normal distribution, out to four standard deviations.</summary>
        public static float[] Gaussian(float[] image, int width, int channels, double sigmaPx)
        {
            int reach = ((int)Math.Round(sigmaPx * Reach * 2 + 1) | 1) / 2;
            var weights = new double[1, 2 * reach + 1];
            double sum = 0;
            for (int offset = -reach; offset <= reach; offset++)
                sum += weights[0, offset + reach] = Math.Exp(-offset * offset / (2 * sigmaPx * sigmaPx));
            var turned = new double[2 * reach + 1, 1];
            for (int index = 0; index < 2 * reach + 1; index++)
                turned[index, 0] = weights[0, index] /= sum;
            return Filtered(Filtered(image, width, channels, weights), width, channels, turned);
        }

        /// <summary>Each pixel becomes the sum of those around it, weighted; the kernel's sides are odd.</summary>
        public static float[] Filtered(float[] image, int width, int channels, double[,] kernel)
        {
            int height = image.Length / width / channels;
            int above = kernel.GetLength(0) / 2, before = kernel.GetLength(1) / 2;
            var result = new float[image.Length];
            for (int row = 0; row < height; row++)
                for (int column = 0; column < width; column++)
                    for (int channel = 0; channel < channels; channel++)
                    {
                        double sum = 0;
                        for (int down = -above; down <= above; down++)
                            for (int across = -before; across <= before; across++)
                            {
                                double weight = kernel[down + above, across + before];
                                if (weight == 0)
                                    continue;
                                int place = Mirrored(row + down, height) * width + Mirrored(column + across, width);
                                sum += weight * image[place * channels + channel];
                            }
                        result[(row * width + column) * channels + channel] = (float)sum;
                    }
            return result;
        }

        /// <summary>The border itself is not repeated.</summary>
        static int Mirrored(int place, int size)
        {
            while (place < 0 || place >= size)
                place = place < 0 ? -place : 2 * size - 2 - place;
            return place;
        }
    }
}
