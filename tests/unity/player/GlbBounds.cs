using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Beltline.Core;

namespace Beltline.MonoPlayer
{
    /// <summary>Bounds of the parts of a GLB file, in the engine's axes; the triangles stay unread.</summary>
    static class GlbBounds
    {
        const uint Magic = 0x46546C67;
        const int HeadBytes = 20;
        const int JsonLengthPlace = 12;

        /// <returns>Lowest and highest corner by the name of the part.</returns>
        /// <exception cref="Fault"><c>damaged_asset</c>.</exception>
        public static Dictionary<string, double[][]> Read(byte[] data, string field)
        {
            try
            {
                if (data.Length < HeadBytes || BitConverter.ToUInt32(data, 0) != Magic)
                    throw new InvalidDataException("another format");
                int length = BitConverter.ToInt32(data, JsonLengthPlace);
                var document = (JsonObject)JsonReader.Read(
                    new UTF8Encoding(false, true).GetString(data, HeadBytes, length));
                return ((List<object>)document["meshes"]).Cast<JsonObject>()
                    .ToDictionary(mesh => (string)mesh["name"], mesh => Bounds(mesh, (List<object>)document["accessors"]));
            }
            catch (Exception error) when (error is InvalidDataException || error is JsonException
                || error is ArgumentException || error is InvalidCastException || error is KeyNotFoundException)
            {
                throw new Fault(FaultCode.DamagedAsset, field, "not a readable GLB file: " + error.Message);
            }
        }

        static double[][] Bounds(JsonObject mesh, List<object> accessors)
        {
            var primitive = (JsonObject)((List<object>)mesh["primitives"])[0];
            var place = (JsonNumber)((JsonObject)primitive["attributes"])["POSITION"];
            var accessor = (JsonObject)accessors[int.Parse(place.Text)];
            double[] low = Corner(accessor["min"]), high = Corner(accessor["max"]);
            // The importer turns x around.
            return new[] { new[] { -high[0], low[1], low[2] }, new[] { -low[0], high[1], high[2] } };
        }

        static double[] Corner(object values)
        {
            return ((List<object>)values).Select(value => DoubleText.Read(((JsonNumber)value).Text)).ToArray();
        }
    }
}
