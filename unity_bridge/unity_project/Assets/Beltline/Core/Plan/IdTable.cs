using System;
using System.Collections.Generic;

namespace Beltline.Core
{
    /// <summary>
    /// What the id pass draws: every part of a frame has a row, from 1, and its row is the number that its renderer
    /// carries. 0 is where nothing was drawn. From an image of rows follow the masks.
    /// </summary>
    public sealed class IdTable
    {
        public const byte Background = 0;

        /// <summary>Of pixels whose part has no label.</summary>
        public const byte Ignore = 255;

        readonly List<byte> labels = new List<byte> { Background };
        readonly List<ushort> instances = new List<ushort> { 0 };
        readonly List<bool> seeThrough = new List<bool> { true };
        readonly Dictionary<byte, string> names = new Dictionary<byte, string>();

        public IdTable(FrameSpec spec)
        {
            var ids = new Dictionary<string, byte>(StringComparer.Ordinal);
            foreach (Label label in spec.Labels)
            {
                ids[label.Name] = label.Id;
                names[label.Id] = label.Name;
            }
            foreach (SceneObject item in spec.Objects)
                foreach (PartBinding part in item.Parts)
                {
                    labels.Add(part.Label == null ? Ignore : ids[part.Label]);
                    instances.Add(part.Instance);
                    seeThrough.Add(part.SeeThrough);
                }
        }

        /// <summary>Rows, that of nothing included.</summary>
        public int Count => labels.Count;

        /// <summary>Value in the semantic mask.</summary>
        public byte Label(uint row) => labels[checked((int)row)];

        /// <summary>Value in the instance mask.</summary>
        public ushort Instance(uint row) => instances[checked((int)row)];

        /// <summary>Whether the id pass leaves the part out, so that masks and depth look through it.</summary>
        public bool SeeThrough(uint row) => seeThrough[checked((int)row)];

        /// <summary>Name of a label that stands in the mask.</summary>
        public string LabelName(byte id) => names[id];

        /// <summary>Semantic and instance mask of an image of rows.</summary>
        /// <exception cref="Fault">A number that the table does not have: the pass drew what was not given to it.</exception>
        public void Masks(uint[] rows, out byte[] labelMask, out ushort[] instanceMask)
        {
            labelMask = new byte[rows.Length];
            instanceMask = new ushort[rows.Length];
            for (int pixel = 0; pixel < rows.Length; pixel++)
            {
                uint row = rows[pixel];
                if (row >= Count)
                    throw new Fault(
                        FaultCode.Internal, "", "pixel " + pixel + " of the id pass holds " + row + ", of " + Count + " rows");
                labelMask[pixel] = labels[(int)row];
                instanceMask[pixel] = instances[(int)row];
            }
        }
    }
}
