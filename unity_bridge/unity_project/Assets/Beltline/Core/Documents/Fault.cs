using System;

namespace Beltline.Core
{
    /// <summary>What a failed request is answered with; the codes are those of every player.</summary>
    public static class FaultCode
    {
        public const string InvalidRequest = "invalid_request";
        public const string InvalidSpec = "invalid_spec";
        public const string MissingAsset = "missing_asset";
        public const string DamagedAsset = "damaged_asset";
        public const string Unsupported = "unsupported";
        public const string DiskFull = "disk_full";
        public const string Internal = "internal";
    }

    /// <summary>One thing that is wrong, and the field that it is wrong in, such as <c>objects.3.asset</c>.</summary>
    public sealed class Fault : Exception
    {
        public Fault(string code, string field, string problem)
            : base(field.Length > 0 ? field + ": " + problem : problem)
        {
            Code = code;
            Field = field;
        }

        /// <summary>One of <see cref="FaultCode"/>.</summary>
        public string Code { get; }

        /// <summary>Path of the field; empty where the document as a whole is at fault.</summary>
        public string Field { get; }
    }
}
