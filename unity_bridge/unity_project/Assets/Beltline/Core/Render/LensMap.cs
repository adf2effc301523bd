using System;
using System.Linq;
using System.Threading.Tasks;

namespace Beltline.Core
{
    /// <summary>
    /// From what was drawn through a pinhole to the delivered image: the lens for every pixel's centre. Ids and depth are
    /// those of the nearest pixel, never blended; the picture is the mean of the samples around.
    /// </summary>
    public sealed class LensMap
    {
        readonly double[] key;
        readonly SetCamera operation;

        /// <summary>Place in the view of each delivered pixel's centre; null where they are the same.</summary>
        readonly float[] places;

        public LensMap(Camera camera, SetCamera operation)
        {
            key = Key(camera);
            this.operation = operation;
            if (!operation.IsDistorted)
                return;
            places = new float[camera.WidthPx * camera.HeightPx * 2];
            for (int row = 0; row < camera.HeightPx; row++)
                for (int column = 0; column < camera.WidthPx; column++)
                {
                    Lens.PlanePosition(camera, column + 0.5, row + 0.5, out double x, out double y);
                    operation.Source(x, y, out double across, out double down);
                    int place = 2 * (row * camera.WidthPx + column);
                    places[place] = (float)across;
                    places[place + 1] = (float)down;
                }
        }

        /// <summary>Whether it is that of another camera too, wherever that stands.</summary>
        public bool Fits(Camera camera) => key.SequenceEqual(Key(camera));

        static double[] Key(Camera camera)
        {
            return camera.K.Cast<double>().Concat(camera.Distortion).Concat(new double[] { camera.WidthPx, camera.HeightPx })
                .ToArray();
        }

        /// <summary>Index in the ids of a view that each delivered pixel shows.</summary>
        public int[] Indices(StageView view)
        {
            var result = new int[operation.WidthPx * operation.HeightPx];
            for (int pixel = 0; pixel < result.Length; pixel++)
            {
                int column = pixel % operation.WidthPx, row = pixel / operation.WidthPx;
                if (places != null)
                {
                    column = Within((int)places[2 * pixel], view.WidthPx);
                    row = Within((int)places[2 * pixel + 1], view.HeightPx);
                }
                result[pixel] = (view.FromBottom ? view.HeightPx - 1 - row : row) * view.WidthPx + column;
            }
            return result;
        }

        /// <summary>Linear red, green and blue of the delivered image.</summary>
        public float[] Picture(StageView view)
        {
            var result = new float[operation.WidthPx * operation.HeightPx * 3];
            Parallel.For(0, operation.HeightPx, row => PictureRow(view, row, result));
            return result;
        }

        void PictureRow(StageView view, int row, float[] result)
        {
            int samples = view.Supersampling;
            var sums = new double[3];
            for (int pixel = row * operation.WidthPx; pixel < (row + 1) * operation.WidthPx; pixel++)
            {
                double x = pixel % operation.WidthPx + 0.5, y = row + 0.5;
                if (places != null)
                {
                    x = places[2 * pixel];
                    y = places[2 * pixel + 1];
                }
                sums[0] = sums[1] = sums[2] = 0;
                for (int down = 0; down < samples; down++)
                    for (int across = 0; across < samples; across++)
                        Add(view, x * samples + across - (samples - 1) / 2.0, y * samples + down - (samples - 1) / 2.0, sums);
                for (int channel = 0; channel < 3; channel++)
                    result[3 * pixel + channel] = (float)(sums[channel] / (samples * samples));
            }
        }

        /// <summary>Adds the picture at a position, bilinearly.</summary>
        static void Add(StageView view, double column, double row, double[] sums)
        {
            int width = view.WidthPx * view.Supersampling, height = view.HeightPx * view.Supersampling;
            double x = column - 0.5, y = row - 0.5;
            int left = Floor(x), upper = Floor(y);
            double across = x - left, down = y - upper;
            Add(view, Within(left, width), Within(upper, height), (1 - across) * (1 - down), sums);
            Add(view, Within(left + 1, width), Within(upper, height), across * (1 - down), sums);
            Add(view, Within(left, width), Within(upper + 1, height), (1 - across) * down, sums);
            Add(view, Within(left + 1, width), Within(upper + 1, height), across * down, sums);
        }

        static void Add(StageView view, int column, int row, double weight, double[] sums)
        {
            if (weight == 0)
                return;
            int width = view.WidthPx * view.Supersampling, height = view.HeightPx * view.Supersampling;
            int place = ((view.FromBottom ? height - 1 - row : row) * width + column) * 4;
            for (int channel = 0; channel < 3; channel++)
                sums[channel] += weight * Development.Sample(view.Rgba[place + channel]);
        }

        static int Floor(double value) => (int)Math.Floor(value);

        static int Within(int value, int size) => value < 0 ? 0 : value >= size ? size - 1 : value;
    }
}
