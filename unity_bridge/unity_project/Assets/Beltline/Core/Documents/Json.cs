using System;
using System.Collections;
using System.Collections.Generic;

namespace Beltline.Core
{
    /// <summary>A JSON object. Members keep the order of the text; one that is given twice has its last value.</summary>
    public sealed class JsonObject : IEnumerable<KeyValuePair<string, object>>
    {
        readonly List<string> names = new List<string>();
        readonly Dictionary<string, object> values = new Dictionary<string, object>(StringComparer.Ordinal);

        public int Count => names.Count;

        public IReadOnlyList<string> Names => names;

        public object this[string name]
        {
            get => values[name];
            set
            {
                if (!values.ContainsKey(name))
                    names.Add(name);
                values[name] = value;
            }
        }

        public bool Contains(string name) => values.ContainsKey(name);

        public bool TryGet(string name, out object value) => values.TryGetValue(name, out value);

        /// <summary>Adds a member and returns this object, so that a document reads as one expression.</summary>
        public JsonObject With(string name, object value)
        {
            this[name] = value;
            return this;
        }

        public IEnumerator<KeyValuePair<string, object>> GetEnumerator()
        {
            foreach (string name in names)
                yield return new KeyValuePair<string, object>(name, values[name]);
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    /// <summary>A JSON number as it was written: only its schema says whether it is a double or an integer.</summary>
    public sealed class JsonNumber
    {
        public JsonNumber(string text)
        {
            Text = text;
            IsFinite = text.IndexOfAny(NonFinite) < 0;
            IsInteger = IsFinite && text.IndexOfAny(Marks) < 0;
        }

        static readonly char[] Marks = { '.', 'e', 'E' };
        static readonly char[] NonFinite = { 'N', 'I' };

        public string Text { get; }

        /// <summary>Whether it is a number at all: NaN and Infinity are read, so that their field can be named.</summary>
        public bool IsFinite { get; }

        /// <summary>Whether it was written without fraction and exponent.</summary>
        public bool IsInteger { get; }
    }

    /// <summary>A text that is not JSON.</summary>
    public sealed class JsonException : Exception
    {
        public JsonException(string problem, int position)
            : base("not valid JSON: " + problem + " at character " + position)
        {
        }
    }
}
