using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;

namespace Beltline.Core
{
    /// <summary>What a renderer has made of a frame; everything row by row from the top.</summary>
    public sealed class FrameImages
    {
        /// <summary>8-bit sRGB.</summary>
        public byte[] Rgb { get; set; }

        /// <summary>Rows of the <see cref="IdTable"/>.</summary>
        public uint[] Rows { get; set; }

        /// <summary>Millimetres along the optical axis; 0 is nothing, or beyond 65.535 m.</summary>
        public ushort[] DepthMm { get; set; }

        /// <summary>Pixels that each instance covers with nothing before it.</summary>
        public IReadOnlyDictionary<ushort, long> Covered { get; set; }
    }

    /// <summary>The files of a frame: images first, the sidecar that lists them last, none of them ever half there.</summary>
    public static class FrameFiles
    {
        static readonly string[] Roles = { "image", "mask", "instances", "depth" };

        /// <returns>Digest of the sidecar as written.</returns>
        /// <exception cref="IOException">The disk is full, or the folder can't be written.</exception>
        public static string Write(
            FrameSpec spec, IdTable ids, byte[] palette, FrameImages images, PlayerIdentity player, string folder)
        {
            int width = spec.Camera.WidthPx, height = spec.Camera.HeightPx;
            ids.Masks(images.Rows, out byte[] labels, out ushort[] instances);
            byte[][] files = Encoded(images, labels, instances, palette, width, height);
            var digests = new Dictionary<string, string>();
            var written = new List<string>();
            try
            {
                for (int index = 0; index < files.Length; index++)
                {
                    string path = Path.Combine(folder, Roles[index] + ".png");
                    written.Add(path);
                    WriteAtomically(path, files[index]);
                    digests[Roles[index]] = Digest.Of(files[index]);
                }
                List<Instance> listed = InstanceList.Of(labels, instances, width, ids, images.Covered);
                byte[] sidecar = FrameSidecar.Write(spec, listed, digests, player);
                WriteAtomically(Path.Combine(folder, "sidecar.json"), sidecar);
                return Digest.Of(sidecar);
            }
            catch (IOException)
            {
                // Images without their sidecar are no frame.
                foreach (string path in written)
                    File.Delete(path);
                throw;
            }
        }

        /// <summary>The four images, encoded at the same time: deflating takes longer than all else.</summary>
        static byte[][] Encoded(FrameImages images, byte[] labels, ushort[] instances, byte[] palette, int width, int height)
        {
            var encoders = new Func<byte[]>[]
            {
                () => Png.EncodeRgb(images.Rgb, width, height),
                () => Png.EncodeIndexed(labels, width, height, palette),
                () => Png.EncodeGrey(instances, width, height),
                () => Png.EncodeGrey(images.DepthMm, width, height),
            };
            var files = new byte[encoders.Length][];
            Parallel.For(0, encoders.Length, index => files[index] = encoders[index]());
            return files;
        }

        static void WriteAtomically(string path, byte[] data)
        {
            string temporary = path + ".tmp";
            try
            {
                File.WriteAllBytes(temporary, data);
                if (File.Exists(path))
                    File.Replace(temporary, path, null);
                else
                    File.Move(temporary, path);
            }
            catch (IOException)
            {
                File.Delete(temporary);
                throw;
            }
        }
    }

    /// <summary>Assets by digest.</summary>
    public static class AssetFile
    {
        /// <summary>Bytes of an asset.</summary>
        /// <exception cref="Fault"><c>missing_asset</c>, or <c>damaged_asset</c>: not the bytes of its name.</exception>
        public static byte[] Read(UseAsset asset, string folder)
        {
            string path = Path.Combine(folder, asset.FileName);
            if (!File.Exists(path))
                throw new Fault(
                    FaultCode.MissingAsset, asset.Field, "there is no file " + asset.FileName + " in " + folder);
            byte[] data = File.ReadAllBytes(path);
            if (Digest.Of(data) != asset.Digest)
                throw new Fault(
                    FaultCode.DamagedAsset, asset.Field, "the bytes of " + path + " are not those of its name");
            return data;
        }
    }
}
