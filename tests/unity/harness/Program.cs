// Drives Beltline.Core for tests: a request a line, an answer a line, so that thousands of examples need one process.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using Beltline.Core;

static class Program
{
    static readonly PlayerIdentity Player = new PlayerIdentity("mono", "1.0.0");

    static void Main()
    {
        var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
        string line;
        while ((line = input.ReadLine()) != null)
        {
            string[] words = line.Split(' ');
            byte[][] arguments = words.Skip(1).Select(Convert.FromBase64String).ToArray();
            object answer;
            try
            {
                answer = Answer(words[0], arguments);
            }
            catch (Fault fault)
            {
                answer = new JsonObject().With("code", fault.Code).With("field", fault.Field).With("message", fault.Message);
            }
            output.WriteLine(CanonicalJson.Text(answer));
        }
    }

    static object Answer(string command, byte[][] arguments)
    {
        switch (command)
        {
            case "sidecar":
                return Sidecar(FrameSpecReader.Read(Text(arguments[0])));
            case "request":
                return Request(arguments[0]);
            case "messages":
                return Messages(Text(arguments[0]), Text(arguments[1]));
            case "numbers":
                return Text(arguments[0]).Split(' ').Select(Number).ToList();
            case "bits":
                return Text(arguments[0]).Split(' ').Select(Bits).ToList();
            case "plan":
                return Plan(new FramePlan(FrameSpecReader.Read(Text(arguments[0]))));
            case "png":
                return Convert.ToBase64String(Encoded(Text(arguments[0]), arguments));
            case "masks":
                return Masks(FrameSpecReader.Read(Text(arguments[0])), arguments[1], Text(arguments[2]));
            default:
                return Rendering.Answer(command, arguments) ?? throw new ArgumentException(command);
        }
    }

    static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    static object Sidecar(FrameSpec spec)
    {
        var instances = new List<Instance> { new Instance(3, "box", 12, 1, 2, 3, 4, 1.0 / 3) };
        var files = new Dictionary<string, string> { { "mask", spec.Digest }, { "image", spec.Digest } };
        string sidecar = Encoding.UTF8.GetString(FrameSidecar.Write(spec, instances, files, Player));
        return new JsonObject().With("digest", spec.Digest).With("sidecar", sidecar);
    }

    static object Request(byte[] payload)
    {
        try
        {
            RenderRequest request = RenderRequest.Read(payload, out long id);
            return new JsonObject()
                .With("request_id", request.RequestId)
                .With("spec_digest", Digest.OfText(request.Spec))
                .With("assets", request.Assets)
                .With("folder", request.Folder);
        }
        catch (Fault fault)
        {
            RequestId(payload, out long id);
            return new JsonObject().With("code", fault.Code).With("field", fault.Field).With("answerable", id);
        }
    }

    static void RequestId(byte[] payload, out long id)
    {
        id = 0;
        try
        {
            RenderRequest.Read(payload, out id);
        }
        catch (Fault)
        {
        }
    }

    static object Messages(string text, string field)
    {
        var messages = new[]
        {
            PlayerMessages.Hello(Player, text),
            PlayerMessages.Done(7, Digest.OfText(text), Digest.OfText(field)),
            PlayerMessages.Failed(8, new Fault(FaultCode.InvalidSpec, field, text), false),
        };
        return new JsonObject()
            .With("channel", PlayerMessages.Channel.ToByteArray().Select(value => (int)value).ToList())
            .With("messages", messages.Select(Encoding.UTF8.GetString).ToList());
    }

    static object Number(string bits)
    {
        return DoubleText.Of(BitConverter.Int64BitsToDouble(long.Parse(bits, CultureInfo.InvariantCulture)));
    }

    static object Plan(FramePlan plan)
    {
        return plan.Operations.Select(operation =>
        {
            var document = (JsonObject)Plain(operation);
            document["operation"] = operation.GetType().Name;
            if (operation is SetCamera camera)
                document["Projection"] = Plain(camera.Projection(0.1, 100));
            return document;
        }).ToList();
    }

    /// <summary>Any value as JSON; an object by its public properties.</summary>
    static object Plain(object value)
    {
        if (value == null || value is string || value is bool || value is int || value is double)
            return value;
        if (value is byte || value is Enum)
            return value is byte ? (object)(int)(byte)value : value.ToString();
        if (value is double[,] matrix)
            return Enumerable.Range(0, matrix.GetLength(0))
                .Select(row => Enumerable.Range(0, matrix.GetLength(1)).Select(column => matrix[row, column]).ToList())
                .ToList();
        if (value is IEnumerable items)
            return items.Cast<object>().Select(Plain).ToList();
        var document = new JsonObject();
        foreach (PropertyInfo property in value.GetType().GetProperties())
            document[property.Name] = Plain(property.GetValue(value));
        return document;
    }

    static byte[] Encoded(string mode, byte[][] arguments)
    {
        int width = BitConverter.ToInt32(arguments[1], 0), height = BitConverter.ToInt32(arguments[1], 4);
        byte[] pixels = arguments[2];
        if (mode == "RGB")
            return Png.EncodeRgb(pixels, width, height);
        if (mode == "P")
            return Png.EncodeIndexed(pixels, width, height, arguments[3]);
        var grey = new ushort[pixels.Length / 2];
        for (int index = 0; index < grey.Length; index++)
            grey[index] = (ushort)(pixels[2 * index] << 8 | pixels[2 * index + 1]);
        return Png.EncodeGrey(grey, width, height);
    }

    static object Bits(string number)
    {
        return BitConverter.DoubleToInt64Bits(DoubleText.Read(number)).ToString(CultureInfo.InvariantCulture);
    }

    static object Masks(FrameSpec spec, byte[] rows, string covered)
    {
        var table = new IdTable(spec);
        table.Masks(rows.Select(row => (uint)row).ToArray(), out byte[] labels, out ushort[] instances);
        var whole = new Dictionary<ushort, long>();
        foreach (string pair in covered.Split(new[] { ' ' }, StringSplitOptions.RemoveEmptyEntries))
            whole[ushort.Parse(pair.Split(':')[0])] = long.Parse(pair.Split(':')[1]);
        List<Instance> found = InstanceList.Of(labels, instances, spec.Camera.WidthPx, table, whole);
        return new JsonObject()
            .With("labels", labels.Select(value => (int)value).ToList())
            .With("instances", instances.Select(value => (int)value).ToList())
            .With("see_through", Enumerable.Range(0, table.Count).Select(row => table.SeeThrough((uint)row)).ToList())
            .With("listed", found.Select(Listed).ToList());
    }

    static object Listed(Instance item)
    {
        return new JsonObject()
            .With("id", (int)item.Id)
            .With("label", item.Label)
            .With("area_px", item.AreaPx)
            .With("box", new[] { item.X, item.Y, item.Width, item.Height })
            .With("visible_fraction", item.VisibleFraction);
    }
}
