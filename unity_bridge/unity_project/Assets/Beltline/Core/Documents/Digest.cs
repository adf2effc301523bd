using System;
using System.Security.Cryptography;
using System.Text;

namespace Beltline.Core
{
    /// <summary>SHA-256 over raw bytes, as <c>sha256:</c> and 64 hexadecimal digits.</summary>
    public static class Digest
    {
        public const string Prefix = "sha256:";

        public static string Of(byte[] bytes)
        {
            using (SHA256 algorithm = SHA256.Create())
                return Prefix + BitConverter.ToString(algorithm.ComputeHash(bytes)).Replace("-", "").ToLowerInvariant();
        }

        /// <summary>Over the UTF-8 bytes of a text.</summary>
        public static string OfText(string text) => Of(Encoding.UTF8.GetBytes(text));
    }
}
