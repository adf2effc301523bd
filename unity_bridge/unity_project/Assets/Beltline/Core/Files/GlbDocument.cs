using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;

namespace Beltline.Core
{
    /// <summary>
    /// What a GLB file says about itself; its triangles are the importer's to read. Source: glTF 2.0 Specification,
    /// Khronos Group, section 4.4 (binary glTF).
    /// </summary>
    public sealed class GlbDocument
    {
        const uint Magic = 0x46546C67;
        const uint JsonChunk = 0x4E4F534A;
        const int HeadBytes = 20;
        const int TotalPlace = 8;
        const int JsonLengthPlace = 12;
        const int JsonKindPlace = 16;
        const int LongestPrefabName = 128;

        readonly JsonObject document;

        /// <exception cref="InvalidDataException">It is no such file; the message says why.</exception>
        public GlbDocument(byte[] data)
        {
            if (data.Length < HeadBytes || BitConverter.ToUInt32(data, 0) != Magic
                || BitConverter.ToUInt32(data, JsonKindPlace) != JsonChunk)
                throw new InvalidDataException("it does not start as binary glTF");
            int length = BitConverter.ToInt32(data, JsonLengthPlace);
            if (BitConverter.ToUInt32(data, TotalPlace) != data.Length || length < 0 || length > data.Length - HeadBytes)
                throw new InvalidDataException("its header and its length disagree");
            try
            {
                document = (JsonObject)JsonReader.Read(new UTF8Encoding(false, true).GetString(data, HeadBytes, length));
                Parts = ((List<object>)document["meshes"]).Select(mesh => (string)((JsonObject)mesh)["name"]).ToList();
            }
            catch (Exception error) when (error is JsonException || error is ArgumentException
                || error is InvalidCastException || error is KeyNotFoundException)
            {
                throw new InvalidDataException("its description can't be read: " + error.Message);
            }
            Prefab = FindPrefab();
        }

        /// <summary>Names of its meshes, which are the parts that a spec refers to.</summary>
        public IReadOnlyList<string> Parts { get; }

        /// <summary>
        /// Prefab of an asset bundle that stands for this file where the player has it, or null: the member
        /// <c>beltline_prefab</c> of <c>asset.extras</c>.
        /// </summary>
        public string Prefab { get; }

        /// <summary>Lowest and highest corner of each part, in the engine's axes.</summary>
        /// <exception cref="InvalidDataException">The file does not say.</exception>
        public IReadOnlyDictionary<string, double[][]> Bounds()
        {
            try
            {
                var accessors = (List<object>)document["accessors"];
                return ((List<object>)document["meshes"]).Cast<JsonObject>()
                    .ToDictionary(mesh => (string)mesh["name"], mesh => PartBounds(mesh, accessors));
            }
            catch (Exception error) when (error is ArgumentException || error is InvalidCastException
                || error is KeyNotFoundException || error is FormatException)
            {
                throw new InvalidDataException("it has no bounds: " + error.Message);
            }
        }

        static double[][] PartBounds(JsonObject mesh, List<object> accessors)
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

        string FindPrefab()
        {
            bool named = document.TryGet("asset", out object asset) && asset is JsonObject members
                && members.TryGet("extras", out object extras) && extras is JsonObject more
                && more.TryGet("beltline_prefab", out object name) && name is string;
            if (!named)
                return null;
            var found = (string)((JsonObject)((JsonObject)document["asset"])["extras"])["beltline_prefab"];
            // It becomes a name within a bundle, never a path.
            bool plain = found.Length > 0 && found.Length <= LongestPrefabName
                && found.All(letter => char.IsLetterOrDigit(letter) || letter == '_' || letter == '-' || letter == ' ');
            if (!plain)
                throw new InvalidDataException("its prefab is named '" + found + "', which is no plain name");
            return found;
        }
    }
}
