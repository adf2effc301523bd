using System;
using System.IO;
using System.IO.Compression;
using System.Text;

namespace Beltline.Core
{
    /// <summary>
    /// PNG images in the three forms of a frame's files. Unity's own encoder has neither palettes nor 16-bit grey.
    /// Source: Portable Network Graphics (PNG) Specification, third edition, W3C, sections 5 and 11.
    /// </summary>
    public static class Png
    {
        const byte Grey = 0;
        const byte Rgb = 2;
        const byte Palette = 3;
        const uint ChecksumPolynomial = 0xEDB88320;
        const uint AdlerModulus = 65521;

        static readonly byte[] Signature = { 0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A };
        static readonly uint[] ChecksumTable = MakeChecksumTable();

        /// <summary>8-bit sRGB, row by row from the top.</summary>
        public static byte[] EncodeRgb(byte[] pixels, int width, int height)
        {
            return Encode(pixels, width, height, 8, Rgb, 3, null);
        }

        /// <summary>Palette image.</summary>
        /// <param name="palette">256 times red, green, blue.</param>
        public static byte[] EncodeIndexed(byte[] pixels, int width, int height, byte[] palette)
        {
            return Encode(pixels, width, height, 8, Palette, 1, palette);
        }

        /// <summary>16-bit grey.</summary>
        public static byte[] EncodeGrey(ushort[] pixels, int width, int height)
        {
            var bytes = new byte[pixels.Length * 2];
            for (int index = 0; index < pixels.Length; index++)
            {
                bytes[2 * index] = (byte)(pixels[index] >> 8);
                bytes[2 * index + 1] = (byte)pixels[index];
            }
            return Encode(bytes, width, height, 16, Grey, 2, null);
        }

        static byte[] Encode(
            byte[] bytes, int width, int height, byte depth, byte colorType, int pixelBytes, byte[] palette)
        {
            if (bytes.Length != width * height * pixelBytes)
                throw new ArgumentException(bytes.Length + " bytes are no image of " + width + " x " + height);
            var result = new MemoryStream();
            result.Write(Signature, 0, Signature.Length);
            var header = new byte[13];
            BigEndian((uint)width).CopyTo(header, 0);
            BigEndian((uint)height).CopyTo(header, 4);
            header[8] = depth;
            header[9] = colorType;
            WriteChunk(result, "IHDR", header);
            if (palette != null)
                WriteChunk(result, "PLTE", palette);
            WriteChunk(result, "IDAT", Compressed(bytes, height, width * pixelBytes));
            WriteChunk(result, "IEND", new byte[0]);
            return result.ToArray();
        }

        /// <summary>A zlib stream (RFC 1950) of rows, each behind the number of its filter, none.</summary>
        static byte[] Compressed(byte[] bytes, int height, int rowBytes)
        {
            var rows = new byte[height * (rowBytes + 1)];
            for (int row = 0; row < height; row++)
                Buffer.BlockCopy(bytes, row * rowBytes, rows, row * (rowBytes + 1) + 1, rowBytes);
            var result = new MemoryStream();
            result.WriteByte(0x78);
            result.WriteByte(0x01);
            using (var deflate = new DeflateStream(result, CompressionLevel.Fastest, true))
                deflate.Write(rows, 0, rows.Length);
            uint low = 1, high = 0;
            foreach (byte value in rows)
            {
                low = (low + value) % AdlerModulus;
                high = (high + low) % AdlerModulus;
            }
            result.Write(BigEndian(high << 16 | low), 0, 4);
            return result.ToArray();
        }

        static void WriteChunk(Stream result, string kind, byte[] data)
        {
            byte[] name = Encoding.ASCII.GetBytes(kind);
            uint checksum = Checksum(Checksum(uint.MaxValue, name), data) ^ uint.MaxValue;
            result.Write(BigEndian((uint)data.Length), 0, 4);
            result.Write(name, 0, 4);
            result.Write(data, 0, data.Length);
            result.Write(BigEndian(checksum), 0, 4);
        }

        static byte[] BigEndian(uint value)
        {
            return new[] { (byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value };
        }

        static uint Checksum(uint checksum, byte[] data)
        {
            foreach (byte value in data)
                checksum = ChecksumTable[(checksum ^ value) & 0xFF] ^ (checksum >> 8);
            return checksum;
        }

        static uint[] MakeChecksumTable()
        {
            var table = new uint[256];
            for (uint index = 0; index < 256; index++)
            {
                uint value = index;
                for (int bit = 0; bit < 8; bit++)
                    value = (value & 1) == 1 ? ChecksumPolynomial ^ (value >> 1) : value >> 1;
                table[index] = value;
            }
            return table;
        }
    }
}
