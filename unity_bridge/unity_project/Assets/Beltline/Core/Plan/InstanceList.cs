using System;
using System.Collections.Generic;
using System.Linq;

namespace Beltline.Core
{
    /// <summary>One labelled thing in a frame.</summary>
    public sealed class Instance
    {
        public Instance(ushort id, string label, long areaPx, int x, int y, int width, int height, double visibleFraction)
        {
            Id = id;
            Label = label;
            AreaPx = areaPx;
            X = x;
            Y = y;
            Width = width;
            Height = height;
            VisibleFraction = visibleFraction;
        }

        public ushort Id { get; }
        public string Label { get; }

        /// <summary>Visible pixels.</summary>
        public long AreaPx { get; }

        /// <summary>Box of the visible pixels, from the top left corner, half open.</summary>
        public int X { get; }
        public int Y { get; }
        public int Width { get; }
        public int Height { get; }

        /// <summary>Visible pixels over those it would cover with nothing before it.</summary>
        public double VisibleFraction { get; }
    }

    /// <summary>Finds the instances that show in the masks.</summary>
    public static class InstanceList
    {
        /// <param name="labelMask">Row by row.</param>
        /// <param name="instanceMask">Row by row.</param>
        /// <param name="widthPx">Of the masks.</param>
        /// <param name="table">Names of the labels.</param>
        /// <param name="covered">Pixels that each instance covers with nothing before it.</param>
        /// <returns>In the order of their ids.</returns>
        public static List<Instance> Of(
            byte[] labelMask,
            ushort[] instanceMask,
            int widthPx,
            IdTable table,
            IReadOnlyDictionary<ushort, long> covered)
        {
            var found = new SortedDictionary<ushort, Extent>();
            for (int pixel = 0; pixel < instanceMask.Length; pixel++)
            {
                if (instanceMask[pixel] == 0)
                    continue;
                if (!found.TryGetValue(instanceMask[pixel], out Extent extent))
                    found[instanceMask[pixel]] = extent = new Extent();
                extent.Add(pixel % widthPx, pixel / widthPx, labelMask[pixel]);
            }
            return found.Select(pair => pair.Value.Listed(pair.Key, table, covered)).ToList();
        }

        sealed class Extent
        {
            readonly long[] labels = new long[256];
            int left = int.MaxValue;
            int top = int.MaxValue;
            int right = -1;
            int bottom = -1;
            long area;

            public void Add(int x, int y, byte label)
            {
                left = Math.Min(left, x);
                top = Math.Min(top, y);
                right = Math.Max(right, x);
                bottom = Math.Max(bottom, y);
                labels[label]++;
                area++;
            }

            public Instance Listed(ushort id, IdTable table, IReadOnlyDictionary<ushort, long> covered)
            {
                covered.TryGetValue(id, out long whole);
                // Parts of one instance may differ in label: it is listed by the one that shows most.
                string label = table.LabelName((byte)Array.IndexOf(labels, labels.Max()));
                double fraction = (double)area / Math.Max(area, whole);
                return new Instance(id, label, area, left, top, right - left + 1, bottom - top + 1, fraction);
            }
        }
    }
}
