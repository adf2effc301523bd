using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Beltline.Core
{
    /// <summary>
    /// Reads JSON (RFC 8259) strictly: no comments, no trailing commas, no lone surrogates. Only NaN and Infinity are
    /// let through, as numbers that no schema accepts: the fault then names their field. Values are JsonObject, List of
    /// object, string, JsonNumber, bool and null.
    /// </summary>
    public sealed class JsonReader
    {
        const int MaximumDepth = 200;
        const int MaximumIntegerDigits = 4300;

        readonly string text;
        int position;

        JsonReader(string text)
        {
            this.text = text;
        }

        /// <exception cref="JsonException">The text is not one JSON value.</exception>
        public static object Read(string text)
        {
            var reader = new JsonReader(text);
            object value = reader.Value(0);
            reader.SkipSpace();
            if (reader.position < text.Length)
                throw reader.Error("more text after the value");
            return value;
        }

        JsonException Error(string problem) => new JsonException(problem, position);

        void SkipSpace()
        {
            while (position < text.Length && " \t\n\r".IndexOf(text[position]) >= 0)
                position++;
        }

        char Peek()
        {
            if (position >= text.Length)
                throw Error("the text ends too early");
            return text[position];
        }

        bool Take(char expected)
        {
            SkipSpace();
            if (Peek() != expected)
                return false;
            position++;
            return true;
        }

        object Value(int depth)
        {
            if (depth > MaximumDepth)
                throw Error("nested too deeply");
            SkipSpace();
            switch (Peek())
            {
                case '{':
                    return Object(depth);
                case '[':
                    return Array(depth);
                case '"':
                    return String();
                case 't':
                    return Word("true", true);
                case 'f':
                    return Word("false", false);
                case 'n':
                    return Word("null", null);
                case 'N':
                    return Word("NaN", new JsonNumber("NaN"));
                case 'I':
                    return Word("Infinity", new JsonNumber("Infinity"));
                default:
                    return Number();
            }
        }

        JsonObject Object(int depth)
        {
            var result = new JsonObject();
            position++;
            if (Take('}'))
                return result;
            while (true)
            {
                SkipSpace();
                if (Peek() != '"')
                    throw Error("a member's name is missing");
                string name = String();
                if (!Take(':'))
                    throw Error("a colon is missing");
                result[name] = Value(depth + 1);
                if (Take('}'))
                    return result;
                if (!Take(','))
                    throw Error("a comma is missing");
            }
        }

        List<object> Array(int depth)
        {
            var result = new List<object>();
            position++;
            if (Take(']'))
                return result;
            while (true)
            {
                result.Add(Value(depth + 1));
                if (Take(']'))
                    return result;
                if (!Take(','))
                    throw Error("a comma is missing");
            }
        }

        object Word(string word, object value)
        {
            if (string.CompareOrdinal(text, position, word, 0, word.Length) != 0)
                throw Error("an unknown word");
            position += word.Length;
            return value;
        }

        JsonNumber Number()
        {
            int start = position;
            if (Peek() == '-')
                position++;
            if (Peek() == 'I')
                return (JsonNumber)Word("Infinity", new JsonNumber("-Infinity"));
            int digits = position;
            if (Digits() > 1 && text[digits] == '0')
                throw Error("a number with a leading zero");
            if (position < text.Length && text[position] == '.')
            {
                position++;
                Digits();
            }
            if (position < text.Length && (text[position] == 'e' || text[position] == 'E'))
            {
                position++;
                if (position < text.Length && (text[position] == '+' || text[position] == '-'))
                    position++;
                Digits();
            }
            var number = new JsonNumber(text.Substring(start, position - start));
            if (number.IsInteger && number.Text.Length > MaximumIntegerDigits)
                throw Error("a number of too many digits");
            return number;
        }

        int Digits()
        {
            int start = position;
            while (position < text.Length && text[position] >= '0' && text[position] <= '9')
                position++;
            if (position == start)
                throw Error("a digit is missing");
            return position - start;
        }

        string String()
        {
            var result = new StringBuilder();
            position++;
            while (true)
            {
                char letter = Peek();
                position++;
                if (letter == '"')
                    break;
                if (letter < ' ')
                    throw Error("a control character within a string");
                result.Append(letter == '\\' ? Escape() : letter);
            }
            for (int index = 0; index < result.Length; index++)
            {
                if (!char.IsSurrogate(result[index]))
                    continue;
                bool paired = char.IsHighSurrogate(result[index]) && index + 1 < result.Length
                    && char.IsLowSurrogate(result[index + 1]);
                if (!paired)
                    throw Error("a lone surrogate");
                index++;
            }
            return result.ToString();
        }

        char Escape()
        {
            char letter = Peek();
            position++;
            switch (letter)
            {
                case '"':
                case '\\':
                case '/':
                    return letter;
                case 'b':
                    return '\b';
                case 'f':
                    return '\f';
                case 'n':
                    return '\n';
                case 'r':
                    return '\r';
                case 't':
                    return '\t';
                case 'u':
                    return CodeUnit();
                default:
                    throw Error("an unknown escape");
            }
        }

        char CodeUnit()
        {
            ushort unit = 0;
            bool read = position + 4 <= text.Length && ushort.TryParse(
                text.Substring(position, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out unit);
            if (!read)
                throw Error("an escape without four hexadecimal digits");
            position += 4;
            return (char)unit;
        }
    }
}
