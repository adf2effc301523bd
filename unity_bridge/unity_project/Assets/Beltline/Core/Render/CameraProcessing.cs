using System;

namespace Beltline.Core
{
    /// <summary>What a camera does to its picture: contrast, sharpening and JPEG, as in the embedded player.</summary>
    public static class CameraProcessing
    {
        const int Uncompressed = 100;

        /// <summary>Of encoded red, green and blue (ITU-R BT.601-7, 2.5.1).</summary>
        static readonly double[] LumaWeights = { 0.299, 0.587, 0.114 };

        /// <param name="picture">8-bit sRGB; may be changed.</param>
        public static byte[] Process(byte[] picture, int widthPx, Sensor sensor)
        {
            if (sensor.Contrast != 1)
            {
                byte[] table = ContrastTable(sensor.Contrast);
                for (int index = 0; index < picture.Length; index++)
                    picture[index] = table[picture[index]];
            }
            if (sensor.SharpeningAmount > 0)
                Sharpen(picture, widthPx, sensor.SharpeningAmount, sensor.SharpeningSigmaPx);
            return sensor.JpegQuality < Uncompressed ? JpegLoss.Of(picture, widthPx, sensor.JpegQuality) : picture;
        }

        /// <summary>An S through black, mid grey and white that has this slope at mid grey.</summary>
        static byte[] ContrastTable(double slope)
        {
            var table = new byte[256];
            for (int value = 0; value < 256; value++)
            {
                double bright = Math.Pow(value / 255.0, slope), dark = Math.Pow(1 - value / 255.0, slope);
                table[value] = (byte)Math.Round(255 * bright / (bright + dark));
            }
            return table;
        }

        /// <summary>Unsharp masking of the luma.</summary>
        static void Sharpen(byte[] picture, int width, double amount, double sigmaPx)
        {
            var luma = new float[picture.Length / 3];
            for (int pixel = 0; pixel < luma.Length; pixel++)
                for (int channel = 0; channel < 3; channel++)
                    luma[pixel] += (float)(picture[3 * pixel + channel] * LumaWeights[channel]);
            float[] blurred = Blur.Gaussian(luma, width, 1, sigmaPx);
            for (int pixel = 0; pixel < luma.Length; pixel++)
                for (int channel = 0; channel < 3; channel++)
                {
                    double value = picture[3 * pixel + channel] + amount * (luma[pixel] - blurred[pixel]);
                    picture[3 * pixel + channel] = (byte)Math.Max(0, Math.Min(255, Math.Round(value)));
                }
        }
    }
}
