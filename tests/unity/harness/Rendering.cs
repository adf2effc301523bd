// What the core does around an engine's drawing, for tests.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using Beltline.Core;
using Beltline.MonoPlayer;

static class Rendering
{
    /// <summary>The answer to a command, or null where it is none of these.</summary>
    public static object Answer(string command, byte[][] arguments)
    {
        switch (command)
        {
            case "radiance":
                return Radiance(arguments[0]);
            case "cube":
                return new CubeImage(new RadianceImage(arguments[0]), Floats(arguments[1]).Select(value => (double)value).ToArray())
                    .Rgba.Select(Encoded).ToList();
            case "develop":
                return Convert.ToBase64String(Development.Picture(Floats(arguments[0]), Numbers(arguments[1])));
            case "expose":
                return Encoded(SensorLight.Expose(Floats(arguments[1]), FrameSpecReader.Read(Text(arguments[0]))));
            case "process":
                return Processed(FrameSpecReader.Read(Text(arguments[0])), arguments[1]);
            case "lens":
                return Delivered(FrameSpecReader.Read(Text(arguments[0])), Numbers(arguments[1]), arguments[2]);
            case "warm_up":
                return Frames(Text(arguments[0]).Split('\n'));
            case "shelf":
                return Shelf(long.Parse(Text(arguments[0])), Text(arguments[1]).Split(' '));
            case "pool":
                return Pooled(Text(arguments[0]));
            case "glb":
                return Described(arguments[0]);
            case "frames":
                return Rendered(Text(arguments[0]).Split('\n'), Text(arguments[1]), Text(arguments[2]), long.Parse(Text(arguments[3])));
            case "self_test":
                return Tested(Text(arguments[0]));
            default:
                return null;
        }
    }

    static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    static double[] Numbers(byte[] bytes)
    {
        return Text(bytes).Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray();
    }

    static float[] Floats(byte[] bytes)
    {
        var result = new float[bytes.Length / 4];
        Buffer.BlockCopy(bytes, 0, result, 0, bytes.Length);
        return result;
    }

    static string Encoded(float[] values)
    {
        var bytes = new byte[values.Length * 4];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        return Convert.ToBase64String(bytes);
    }

    static object Processed(FrameSpec spec, byte[] picture)
    {
        return Convert.ToBase64String(CameraProcessing.Process(picture, spec.Camera.WidthPx, spec.Sensor));
    }

    static object Radiance(byte[] data)
    {
        try
        {
            var image = new RadianceImage(data);
            return new JsonObject().With("width", image.WidthPx).With("height", image.HeightPx).With("rgb", Encoded(image.Rgb));
        }
        catch (InvalidDataException error)
        {
            return error.Message;
        }
    }

    /// <param name="form">Supersampling, and 1 where rows come from the bottom.</param>
    static object Delivered(FrameSpec spec, double[] form, byte[] rgba)
    {
        SetCamera camera = new FramePlan(spec).Operations.OfType<SetCamera>().Single();
        var view = new StageView
        {
            WidthPx = camera.SourceWidthPx,
            HeightPx = camera.SourceHeightPx,
            Supersampling = (int)form[0],
            Rgba = Floats(rgba),
            FromBottom = form[1] == 1,
        };
        var size = new[] { camera.SourceWidthPx, camera.SourceHeightPx };
        if (rgba.Length == 0)
            return size;
        var lens = new LensMap(spec.Camera, camera);
        return new JsonObject()
            .With("picture", Encoded(lens.Picture(view)))
            .With("indices", lens.Indices(view))
            .With("fits", lens.Fits(spec.Camera));
    }

    static object Frames(string[] specs)
    {
        var warmUp = new WarmUp();
        return specs.Select(spec => new FramePlan(FrameSpecReader.Read(spec)).Operations.OfType<SetEnvironment>().Single())
            .Select(warmUp.Frames).ToList();
    }

    sealed class Item : IStageAsset
    {
        readonly List<string> gone;
        readonly string name;

        public Item(string name, long sizeBytes, List<string> gone)
        {
            this.name = name;
            this.gone = gone;
            SizeBytes = sizeBytes;
        }

        public long SizeBytes { get; }

        public void Dispose() => gone.Add(name);
    }

    /// <param name="frames">For each the assets that it wants, as name:size pairs parted by commas.</param>
    static object Shelf(long capacity, string[] frames)
    {
        var shelf = new AssetShelf(capacity);
        var result = new List<object>();
        foreach (string frame in frames)
        {
            List<string> made = new List<string>(), gone = new List<string>();
            var wanted = frame.Split(',').Select(pair => pair.Split(':')).ToDictionary(pair => pair[0], pair =>
                (Func<Task<IStageAsset>>)(() =>
                {
                    made.Add(pair[0]);
                    return Task.FromResult<IStageAsset>(new Item(pair[0], long.Parse(pair[1]), gone));
                }));
            shelf.Fetch(wanted).GetAwaiter().GetResult();
            result.Add(new JsonObject().With("made", made).With("kept", shelf.Keys.ToList()));
        }
        return result;
    }

    /// <param name="actions">r for rent, a for return all.</param>
    static object Pooled(string actions)
    {
        int made = 0;
        var pool = new Pool<int>(() => made++);
        var result = new List<object>();
        foreach (char action in actions)
            if (action == 'r')
                result.Add(pool.Rent());
            else
                pool.ReturnAll();
        return new JsonObject().With("rented", result).With("made", pool.Things.Count).With("used", pool.Used.Count() == pool.UsedCount ? pool.UsedCount : -1);
    }

    static object Described(byte[] data)
    {
        try
        {
            var document = new GlbDocument(data);
            return new JsonObject().With("parts", document.Parts.ToList()).With("prefab", document.Prefab);
        }
        catch (InvalidDataException error)
        {
            return error.Message;
        }
    }

    /// <summary>What a stage is told while frames are rendered one after another.</summary>
    static object Rendered(string[] specs, string assets, string folder, long assetBytes)
    {
        var stage = new FaultyStage("");
        var renderer = new StagedRenderer(stage, assetBytes);
        foreach (string spec in specs)
            renderer.Render(FrameSpecReader.Read(spec), assets, folder).GetAwaiter().GetResult();
        return stage.Calls;
    }

    static object Tested(string fault)
    {
        SelfTest.Run(new StagedRenderer(new FaultyStage(fault))).GetAwaiter().GetResult();
        return "passed";
    }
}

/// <summary>A stage that draws as a broken build does.</summary>
sealed class FaultyStage : IStage
{
    readonly BoxStage stage = new BoxStage();
    readonly string fault;

    public FaultyStage(string fault)
    {
        this.fault = fault;
        stage.FromBottom = fault == "from_bottom";
    }

    /// <summary>What it was told.</summary>
    public List<string> Calls { get; } = new List<string>();

    public PlayerIdentity Identity => stage.Identity;

    public string Device => stage.Device;

    public async Task<IStageModel> LoadModel(byte[] data, GlbDocument document)
    {
        string name = Digest.Of(data);
        Calls.Add("load " + name);
        return new WatchedModel(await stage.LoadModel(data, document), () => Calls.Add("dispose " + name));
    }

    public IStageAsset LoadTexture(byte[] data) => stage.LoadTexture(data);

    public IStageAsset LoadEnvironment(CubeImage image) => stage.LoadEnvironment(image);

    public void Clear()
    {
        Calls.Add("clear");
        stage.Clear();
    }

    public void Use(UseMaterial material, IStageAsset texture) => stage.Use(material, texture);

    public void Place(PlaceObject item, IStageModel model)
    {
        Calls.Add("place " + item.Asset);
        stage.Place(item, ((WatchedModel)model).Model);
    }

    public void Shine(ShineLight light) => stage.Shine(light);

    public void Surround(SetEnvironment environment, IStageAsset image) => stage.Surround(environment, image);

    public void Look(SetCamera camera) => stage.Look(camera);

    public void Expose(SetExposure exposure) => stage.Expose(exposure);

    public async Task<StageView> Capture(int warmUpFrames, IdTable ids)
    {
        StageView view = await stage.Capture(warmUpFrames, ids);
        int width = view.WidthPx, count = view.Rows.Length;
        switch (fault)
        {
            case "no_ids":
                view.Rows = new uint[count];
                break;
            case "ids_upside_down":
                view.Rows = Moved(view.Rows, width, pixel => (view.HeightPx - 1 - pixel / width) * width + pixel % width);
                break;
            case "ids_mirrored":
                view.Rows = Moved(view.Rows, width, pixel => pixel / width * width + width - 1 - pixel % width);
                break;
            case "wrong_depth":
                view.DepthM = view.DepthM.Select(value => value * 1.5f).ToArray();
                break;
            case "instances_hidden":
                view.Coverage = view.Coverage.ToDictionary(
                    item => item.Key, item => view.Rows.Select(row => (byte)(row == item.Key ? 1 : 0)).ToArray());
                break;
            case "blank":
                view.Rgba = new float[count * 4];
                break;
            case "picture_upside_down":
                view.Rgba = Enumerable.Range(0, count * 4).Select(place =>
                    view.Rgba[((view.HeightPx - 1 - place / 4 / width) * width + place / 4 % width) * 4 + place % 4]).ToArray();
                break;
            case "dark":
                view.Rgba = view.Rgba.Select(value => value / 3.14159f).ToArray();
                break;
        }
        return view;
    }

    sealed class WatchedModel : IStageModel
    {
        readonly Action disposed;

        public WatchedModel(IStageModel model, Action disposed)
        {
            Model = model;
            this.disposed = disposed;
        }

        public IStageModel Model { get; }

        public long SizeBytes => Model.SizeBytes;

        public bool Has(string part) => Model.Has(part);

        public void Dispose() => disposed();
    }

    static uint[] Moved(uint[] values, int width, Func<int, int> from)
    {
        return Enumerable.Range(0, values.Length).Select(pixel => values[from(pixel)]).ToArray();
    }
}
