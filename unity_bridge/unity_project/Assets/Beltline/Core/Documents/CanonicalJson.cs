using System;
using System.Collections;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Beltline.Core
{
    /// <summary>
    /// The one way to write a value as bytes: RFC 8785 (JSON Canonicalization Scheme). Equal values give equal bytes
    /// here and in Python, so that a digest over them means the same on both sides.
    /// </summary>
    public static class CanonicalJson
    {
        /// <summary>UTF-8 bytes of a value.</summary>
        /// <param name="value">JsonObject, a sequence, string, double, integer, bool or null.</param>
        public static byte[] Bytes(object value) => Encoding.UTF8.GetBytes(Text(value));

        /// <summary>A value as text.</summary>
        public static string Text(object value)
        {
            var result = new StringBuilder();
            Write(result, value);
            return result.ToString();
        }

        static void Write(StringBuilder result, object value)
        {
            if (value == null)
                result.Append("null");
            else if (value is bool truth)
                result.Append(truth ? "true" : "false");
            else if (value is string text)
                WriteString(result, text);
            else if (value is double number)
                result.Append(DoubleText.Of(number));
            else if (value is int || value is long)
                result.Append(Convert.ToString(value, CultureInfo.InvariantCulture));
            else if (value is JsonObject members)
                WriteObject(result, members);
            else if (value is IEnumerable items)
                WriteArray(result, items);
            else
                throw new ArgumentException("no JSON for " + value.GetType().Name);
        }

        static void WriteObject(StringBuilder result, JsonObject members)
        {
            result.Append('{');
            string separator = "";
            // RFC 8785, 3.2.3: sorted by UTF-16 code units.
            foreach (string name in members.Names.OrderBy(name => name, StringComparer.Ordinal))
            {
                result.Append(separator);
                WriteString(result, name);
                result.Append(':');
                Write(result, members[name]);
                separator = ",";
            }
            result.Append('}');
        }

        static void WriteArray(StringBuilder result, IEnumerable items)
        {
            result.Append('[');
            string separator = "";
            foreach (object item in items)
            {
                result.Append(separator);
                Write(result, item);
                separator = ",";
            }
            result.Append(']');
        }

        static void WriteString(StringBuilder result, string text)
        {
            result.Append('"');
            foreach (char letter in text)
            {
                int named = "\"\\\b\f\n\r\t".IndexOf(letter);
                if (named >= 0)
                    result.Append('\\').Append("\"\\bfnrt"[named]);
                else if (letter < ' ')
                    result.Append("\\u").Append(((int)letter).ToString("x4", CultureInfo.InvariantCulture));
                else
                    result.Append(letter);
            }
            result.Append('"');
        }
    }
}
