using System;
using System.IO;
using System.Text;

namespace Beltline.Core
{
    /// <summary>
    /// A Radiance HDR image (RGBE), plain or run-length encoded. Source: G. Ward, "Real Pixels", Graphics Gems II, 1991,
    /// and the Radiance file format notes.
    /// </summary>
    public sealed class RadianceImage
    {
        const int Exponent = 136;
        const int ShortestRuns = 8;
        const int LongestRuns = 32767;
        const int LargestSide = 32768;

        readonly byte[] data;
        int place;

        /// <exception cref="InvalidDataException">It is no such image, or not twice as wide as high.</exception>
        public RadianceImage(byte[] data)
        {
            this.data = data;
            if (!Line().StartsWith("#?", StringComparison.Ordinal))
                throw new InvalidDataException("it does not start as a Radiance image");
            for (string line = Line(); line.Length > 0; line = Line())
                if (line.StartsWith("FORMAT=", StringComparison.Ordinal) && line != "FORMAT=32-bit_rle_rgbe")
                    throw new InvalidDataException("it holds " + line);
            string[] size = Line().Split(' ');
            bool known = size.Length == 4 && size[0] == "-Y" && size[2] == "+X"
                & int.TryParse(size[1], out int height) & int.TryParse(size[3], out int width);
            if (!known || height < 1 || width != 2 * height || width > LargestSide)
                throw new InvalidDataException("its size is no image twice as wide as high");
            WidthPx = width;
            HeightPx = height;
            Rgb = new float[width * height * 3];
            var row = new byte[width * 4];
            for (int y = 0; y < height; y++)
            {
                ReadRow(row);
                for (int x = 0; x < width; x++)
                    for (int channel = 0; channel < 3; channel++)
                        Rgb[(y * width + x) * 3 + channel] = Value(row[4 * x + channel], row[4 * x + 3]);
            }
        }

        public int WidthPx { get; }
        public int HeightPx { get; }

        /// <summary>Linear red, green and blue, row by row from the top.</summary>
        public float[] Rgb { get; }

        static float Value(byte mantissa, byte exponent)
        {
            return exponent == 0 ? 0 : (float)(mantissa * Math.Pow(2, exponent - Exponent));
        }

        string Line()
        {
            int start = place;
            while (place < data.Length && data[place] != '\n')
                place++;
            if (place >= data.Length)
                throw new InvalidDataException("its header has no end");
            return Encoding.ASCII.GetString(data, start, place++ - start);
        }

        /// <summary>Reads a row as pixels of four bytes.</summary>
        void ReadRow(byte[] row)
        {
            int width = row.Length / 4;
            Need(4);
            bool runs = width >= ShortestRuns && width <= LongestRuns && data[place] == 2 && data[place + 1] == 2
                && (data[place + 2] << 8 | data[place + 3]) == width;
            if (!runs)
            {
                Need(row.Length);
                Buffer.BlockCopy(data, place, row, 0, row.Length);
                place += row.Length;
                return;
            }
            place += 4;
            for (int channel = 0; channel < 4; channel++)
                for (int x = 0; x < width;)
                    x += ReadRun(row, channel, x, width);
        }

        int ReadRun(byte[] row, int channel, int x, int width)
        {
            Need(2);
            int count = data[place++];
            bool same = count > 128;
            count = same ? count - 128 : count;
            if (count == 0 || x + count > width)
                throw new InvalidDataException("a run of it does not fit its row");
            Need(same ? 1 : count);
            for (int index = 0; index < count; index++)
                row[4 * (x + index) + channel] = data[place + (same ? 0 : index)];
            place += same ? 1 : count;
            return count;
        }

        void Need(int count)
        {
            if (place + count > data.Length)
                throw new InvalidDataException("it ends too soon");
        }
    }
}
