using System;

namespace Beltline.Core
{
    /// <summary>
    /// What lens and sensor do to light, before white balance: vignetting, defocus, motion and noise, as in the embedded
    /// player; its noise is drawn from other random numbers.
    /// </summary>
    public static class SensorLight
    {
        /// <summary>Points a pixel of a motion's line, from which its kernel is summed up.</summary>
        const int StepsPerPx = 32;

        static readonly double[] LuminanceWeights = { 0.2126, 0.7152, 0.0722 };

        /// <param name="linear">Red, green and blue in units of what saturates the sensor; may be changed.</param>
        public static float[] Expose(float[] linear, FrameSpec spec)
        {
            Sensor sensor = spec.Sensor;
            if (sensor.VignettingStops > 0)
                Vignette(linear, spec.Camera, sensor.VignettingStops);
            if (sensor.DefocusSigmaPx > 0)
                linear = Blur.Gaussian(linear, spec.Camera.WidthPx, 3, sensor.DefocusSigmaPx);
            if (sensor.MotionBlurPx > 0)
                linear = Blur.Filtered(
                    linear, spec.Camera.WidthPx, 3, MotionKernel(sensor.MotionBlurPx, sensor.MotionBlurAngleDeg));
            if (sensor.Monochrome)
                for (int place = 0; place < linear.Length; place += 3)
                    linear[place] = linear[place + 1] = linear[place + 2] = Luminance(linear, place);
            if (sensor.IsoGain > 0)
                AddNoise(linear, sensor, (ulong)spec.Seed);
            return linear;
        }

        static float Luminance(float[] linear, int place)
        {
            double sum = 0;
            for (int channel = 0; channel < 3; channel++)
                sum += linear[place + channel] * LuminanceWeights[channel];
            return (float)sum;
        }

        /// <summary>The loss in stops grows with the square of the tangent of the angle to the optical axis.</summary>
        static void Vignette(float[] linear, Camera camera, double stops)
        {
            double largest = 0;
            for (int corner = 0; corner < 4; corner++)
                largest = Math.Max(largest, Square(camera, corner % 2 * camera.WidthPx, corner / 2 * camera.HeightPx));
            for (int pixel = 0; pixel < linear.Length / 3; pixel++)
            {
                double square = Square(camera, pixel % camera.WidthPx + 0.5, pixel / camera.WidthPx + 0.5);
                double share = Math.Pow(2, -stops * square / largest);
                for (int channel = 0; channel < 3; channel++)
                    linear[3 * pixel + channel] *= (float)share;
            }
        }

        static double Square(Camera camera, double column, double row)
        {
            Lens.PlanePosition(camera, column, row, out double x, out double y);
            return x * x + y * y;
        }

        /// <summary>An evenly lit straight line through the middle; each of its points is shared among four pixels.</summary>
        static double[,] MotionKernel(double lengthPx, double angleDeg)
        {
            int reach = (int)Math.Ceiling(lengthPx / 2), count = Math.Max((int)Math.Ceiling(lengthPx * StepsPerPx), 1);
            double across = Math.Cos(angleDeg * Math.PI / 180), down = Math.Sin(angleDeg * Math.PI / 180), sum = 0;
            var kernel = new double[2 * reach + 1, 2 * reach + 1];
            for (int row = -reach; row <= reach; row++)
                for (int column = -reach; column <= reach; column++)
                {
                    double share = 0;
                    for (int point = 0; point < count; point++)
                    {
                        double along = ((point + 0.5) / count - 0.5) * lengthPx;
                        share += Math.Max(1 - Math.Abs(along * down - row), 0) * Math.Max(1 - Math.Abs(along * across - column), 0);
                    }
                    sum += kernel[row + reach, column + reach] = share;
                }
            for (int row = 0; row < 2 * reach + 1; row++)
                for (int column = 0; column < 2 * reach + 1; column++)
                    kernel[row, column] /= sum;
            return kernel;
        }

        /// <summary>
        /// Of photons and of reading, as one normal distribution. Source: A. Foi et al., "Practical Poissonian-Gaussian
        /// noise modeling and fitting for single-image raw-data", IEEE Transactions on Image Processing 17(10), 2008.
        /// </summary>
        static void AddNoise(float[] linear, Sensor sensor, ulong seed)
        {
            double saturation = sensor.FullWellElectrons / sensor.IsoGain;
            double read = sensor.ReadNoiseElectrons / saturation;
            var random = new NormalNumbers(seed);
            for (int pixel = 0; pixel < linear.Length / 3; pixel++)
            {
                double unit = random.Next();
                for (int channel = 0; channel < 3; channel++)
                {
                    if (channel > 0 && !sensor.Monochrome)
                        unit = random.Next();
                    float light = linear[3 * pixel + channel];
                    linear[3 * pixel + channel] = (float)(light + unit * Math.Sqrt(Math.Max(light, 0) / saturation + read * read));
                }
            }
        }
    }

    /// <summary>
    /// Normally distributed numbers that a seed repeats on every machine. Sources: S. Vigna, "SplitMix64" (public domain);
    /// G. E. P. Box and M. E. Muller, "A Note on the Generation of Random Normal Deviates", 1958.
    /// </summary>
    sealed class NormalNumbers
    {
        ulong state;
        double spare = double.NaN;

        public NormalNumbers(ulong seed)
        {
            state = seed;
        }

        public double Next()
        {
            if (!double.IsNaN(spare))
            {
                double kept = spare;
                spare = double.NaN;
                return kept;
            }
            double radius = Math.Sqrt(-2 * Math.Log(Uniform())), angle = 2 * Math.PI * Uniform();
            spare = radius * Math.Sin(angle);
            return radius * Math.Cos(angle);
        }

        /// <summary>Above 0, up to 1.</summary>
        double Uniform()
        {
            ulong value = state += 0x9E3779B97F4A7C15;
            value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
            return ((value ^ (value >> 31)) >> 11) * (1.0 / (1UL << 53)) + 1.0 / (1UL << 54);
        }
    }
}
