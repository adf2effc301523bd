using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;

namespace Beltline.Core
{
    /// <summary>
    /// Assets at hand, by a key. Beyond a number of bytes the least recently used go, but never one of the frame at hand.
    /// </summary>
    public sealed class AssetShelf
    {
        readonly long capacityBytes;
        readonly Dictionary<string, IStageAsset> kept = new Dictionary<string, IStageAsset>(StringComparer.Ordinal);
        readonly LinkedList<string> order = new LinkedList<string>();

        public AssetShelf(long capacityBytes)
        {
            this.capacityBytes = capacityBytes;
        }

        /// <summary>Keys from the least to the most recently used.</summary>
        public IEnumerable<string> Keys => order;

        public IStageAsset this[string key] => kept[key];

        /// <summary>Has these at hand, and then makes room.</summary>
        /// <param name="wanted">How to come by each, by its key; asked only for what is not there.</param>
        public async Task Fetch(IReadOnlyDictionary<string, Func<Task<IStageAsset>>> wanted)
        {
            foreach (KeyValuePair<string, Func<Task<IStageAsset>>> item in wanted)
            {
                if (!kept.ContainsKey(item.Key))
                    kept[item.Key] = await item.Value();
                else
                    order.Remove(item.Key);
                order.AddLast(item.Key);
            }
            long total = kept.Values.Sum(asset => asset.SizeBytes);
            foreach (string key in order.Where(key => !wanted.ContainsKey(key)).ToList())
            {
                if (total <= capacityBytes)
                    return;
                total -= kept[key].SizeBytes;
                kept[key].Dispose();
                kept.Remove(key);
                order.Remove(key);
            }
        }
    }

    /// <summary>Things that are made once and used again: nothing is created or destroyed per frame that can be reused.</summary>
    public sealed class Pool<T>
    {
        readonly Func<T> make;
        readonly List<T> things = new List<T>();
        int used;

        public Pool(Func<T> make)
        {
            this.make = make;
        }

        /// <summary>All that were ever made.</summary>
        public IReadOnlyList<T> Things => things;

        /// <summary>Those handed out since the last <see cref="ReturnAll"/>.</summary>
        public IEnumerable<T> Used => things.Take(used);

        public int UsedCount => used;

        /// <summary>One that nobody uses.</summary>
        public T Rent()
        {
            if (used == things.Count)
                things.Add(make());
            return things[used++];
        }

        public void ReturnAll() => used = 0;
    }
}
