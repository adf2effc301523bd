using System.Collections.Generic;
using System.IO;

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
        /// <returns>Digest of the sidecar as written.</returns>
        /// <exception cref="IOException">The disk is full, or the folder can't be written.</exception>
        public static string Write(
            FrameSpec spec, IdTable ids, byte[] palette, FrameImages images, PlayerIdentity player, string folder)
        {
            int width = spec.Camera.WidthPx, height = spec.Camera.HeightPx;
            ids.Masks(images.Rows, out byte[] labels, out ushort[] instances);
            var files = new Dictionary<string, byte[]>
            {
                { "image", Png.EncodeRgb(images.Rgb, width, height) },
                { "mask", Png.EncodeIndexed(labels, width, height, palette) },
                { "instances", Png.EncodeGrey(instances, width, height) },
                { "depth", Png.EncodeGrey(images.DepthMm, width, height) },
            };
            var digests = new Dictionary<string, string>();
            foreach (KeyValuePair<string, byte[]> file in files)
            {
                WriteAtomically(Path.Combine(folder, file.Key + ".png"), file.Value);
                digests[file.Key] = Digest.Of(file.Value);
            }
            List<Instance> listed = InstanceList.Of(labels, instances, width, ids, images.Covered);
            byte[] sidecar = FrameSidecar.Write(spec, listed, digests, player);
            WriteAtomically(Path.Combine(folder, "sidecar.json"), sidecar);
            return Digest.Of(sidecar);
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
