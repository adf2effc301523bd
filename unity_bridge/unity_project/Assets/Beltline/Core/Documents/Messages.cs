using System;
using System.Globalization;
using System.IO;
using System.Text;

namespace Beltline.Core
{
    /// <summary>Worker to player: render this.</summary>
    public sealed class RenderRequest
    {
        static readonly Schema Schema = new Schema(SchemaTexts.PlayerRequest);

        RenderRequest(JsonObject document)
        {
            RequestId = document.Integer("request_id");
            Spec = document.Text("spec");
            SpecFile = document.TextOrNull("spec_file") ?? "";
            Assets = document.Text("assets");
            Folder = document.Text("folder");
        }

        public long RequestId { get; }

        /// <summary>Text of the spec, of which the digest is taken; empty where it lies in a file.</summary>
        public string Spec { get; }

        /// <summary>File that holds the spec because a message can't; empty where the message does.</summary>
        public string SpecFile { get; }

        /// <summary>Folder of assets by digest.</summary>
        public string Assets { get; }

        /// <summary>Where to write; it exists.</summary>
        public string Folder { get; }

        /// <summary>Reads the payload of a side-channel message.</summary>
        /// <param name="requestId">Of whatever could be read, so that a faulty request can be answered; else 0.</param>
        /// <exception cref="Fault"><c>invalid_request</c>.</exception>
        public static RenderRequest Read(byte[] payload, out long requestId)
        {
            requestId = 0;
            object value;
            try
            {
                value = JsonReader.Read(new UTF8Encoding(false, true).GetString(payload));
            }
            catch (DecoderFallbackException)
            {
                throw new Fault(FaultCode.InvalidRequest, "", "not UTF-8");
            }
            catch (JsonException error)
            {
                throw new Fault(FaultCode.InvalidRequest, "", error.Message);
            }
            bool given = value is JsonObject members && members.TryGet("request_id", out object id)
                && id is JsonNumber number && number.IsInteger && long.TryParse(
                    number.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out requestId);
            if (!given || requestId < 1 || requestId > int.MaxValue)
                requestId = 0;
            return new RenderRequest((JsonObject)Schema.Validate(value, FaultCode.InvalidRequest));
        }

        /// <summary>Text of the spec, wherever it is.</summary>
        /// <exception cref="Fault">It is given twice, there is no such file, or what is in it is no text.</exception>
        public string ReadSpec()
        {
            if (SpecFile.Length == 0)
                return Spec;
            if (Spec.Length > 0)
                throw new Fault(FaultCode.InvalidRequest, "spec_file", "the message holds a spec of its own");
            try
            {
                return new UTF8Encoding(false, true).GetString(File.ReadAllBytes(SpecFile));
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException
                || error is ArgumentException && !(error is DecoderFallbackException))
            {
                throw new Fault(FaultCode.InvalidRequest, "spec_file", "can't be read: " + error.Message);
            }
            catch (DecoderFallbackException)
            {
                throw new Fault(FaultCode.InvalidSpec, "", "not UTF-8");
            }
        }
    }

    /// <summary>What a player says, as payloads of side-channel messages.</summary>
    public static class PlayerMessages
    {
        /// <summary>Channel of both directions. Guid.ToByteArray() gives the bytes that Python calls bytes_le.</summary>
        public static readonly Guid Channel = new Guid("b3a1c6f2-7a44-4c0e-9d55-3a8e0b6f5c17");

        public const int ProtocolVersion = 1;
        const int LongestDevice = 200;
        const int LongestMessage = 2000;

        /// <summary>Once, with the first exchange.</summary>
        public static byte[] Hello(PlayerIdentity player, string device)
        {
            return Payload("hello")
                .With("protocol_version", ProtocolVersion)
                .With("player", player.Document())
                .With("device", Shortened(device, LongestDevice))
                .Bytes();
        }

        /// <summary>The frame is written.</summary>
        public static byte[] Done(long requestId, string specDigest, string sidecarDigest)
        {
            return Payload("done")
                .With("request_id", requestId)
                .With("spec_digest", specDigest)
                .With("sidecar_digest", sidecarDigest)
                .Bytes();
        }

        /// <summary>The frame can't be rendered.</summary>
        public static byte[] Failed(long requestId, Fault fault, bool retryable)
        {
            return Payload("failed")
                .With("request_id", requestId)
                .With("code", fault.Code)
                .With("message", Shortened(fault.Message, LongestMessage))
                .With("field", fault.Field)
                .With("retryable", retryable)
                .Bytes();
        }

        static JsonObject Payload(string type) => new JsonObject().With("type", type);

        static byte[] Bytes(this JsonObject message) => CanonicalJson.Bytes(message);

        static string Shortened(string text, int length)
        {
            if (text.Length <= length)
                return text;
            // A pair of surrogates is not cut in two: half of it is no text.
            return text.Substring(0, char.IsHighSurrogate(text[length - 1]) ? length - 1 : length);
        }
    }

    /// <summary>Which player renders.</summary>
    public sealed class PlayerIdentity
    {
        public PlayerIdentity(string name, string version)
        {
            Name = name;
            Version = version;
        }

        public string Name { get; }
        public string Version { get; }

        internal JsonObject Document() => new JsonObject().With("name", Name).With("version", Version);
    }
}
