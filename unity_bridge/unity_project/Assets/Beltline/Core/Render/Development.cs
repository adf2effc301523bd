using System;
using System.Collections.Concurrent;
using System.Threading.Tasks;

namespace Beltline.Core
{
    /// <summary>From light to 8-bit sRGB, as the embedded player does it: white balance, filmic tone curve, encoding.</summary>
    public static class Development
    {
        /// <summary>Brightest single sample, in units of what saturates the sensor: tames single glints.</summary>
        const float Clamp = 16;

        /// <summary>One sample as it enters the picture; what is no number, and an engine's shader may give one, is dark.</summary>
        public static float Sample(float value) => value > 0 ? Math.Min(value, Clamp) : 0;

        /// <param name="linear">Red, green and blue in units of what saturates the sensor.</param>
        /// <param name="gains">Of the white balance.</param>
        public static byte[] Picture(float[] linear, double[] gains)
        {
            var result = new byte[linear.Length];
            Parallel.ForEach(Partitioner.Create(0, linear.Length), range =>
            {
                for (int index = range.Item1; index < range.Item2; index++)
                    result[index] = Encoded(ToneMapped(linear[index] * gains[index % 3]));
            });
            return result;
        }

        /// <summary>K. Narkowicz, "ACES Filmic Tone Mapping Curve", 2015.</summary>
        static double ToneMapped(double value)
        {
            value = Math.Max(0, value);
            return Math.Min(1, value * (2.51 * value + 0.03) / (value * (2.43 * value + 0.59) + 0.14));
        }

        /// <summary>sRGB (IEC 61966-2-1).</summary>
        static byte Encoded(double value)
        {
            double encoded = value <= 0.0031308 ? 12.92 * value : 1.055 * Math.Pow(value, 1 / 2.4) - 0.055;
            return (byte)Math.Round(encoded * 255);
        }
    }
}
