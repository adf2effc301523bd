using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;

namespace Beltline.Core
{
    /// <summary>
    /// A JSON Schema (2020-12) as the contracts export it. Validating yields the document with every default filled in
    /// and every number as a double or a long; what does not fit is listed field by field. As strict as the Python
    /// side: "3" and true are no numbers, 1.0 is no integer, and an unknown field is a fault.
    /// </summary>
    public sealed class Schema
    {
        /// <summary>Our own: a member that is not written where it has its default.</summary>
        const string OmittedDefault = "x-omittedDefault";

        static readonly string[] Keywords =
        {
            "$defs", "$ref", "$schema", "additionalProperties", "anyOf", "const", "default", "description", "enum",
            "exclusiveMaximum", "exclusiveMinimum", "items", "maxItems", "maxLength", "maxProperties", "maximum",
            "minItems", "minLength", "minProperties", "minimum", "pattern", "patternProperties", "prefixItems",
            "properties", "propertyNames", "required", "title", "type", OmittedDefault,
        };

        readonly JsonObject node;
        readonly Dictionary<string, Schema> definitions;
        readonly Dictionary<string, Schema> properties = new Dictionary<string, Schema>(StringComparer.Ordinal);
        readonly List<KeyValuePair<Regex, Schema>> patterns = new List<KeyValuePair<Regex, Schema>>();
        readonly List<string> propertyOrder = new List<string>();
        readonly HashSet<string> required = new HashSet<string>(StringComparer.Ordinal);
        /// <summary>Of a list whose length is that of this one.</summary>
        readonly List<Schema> prefix = new List<Schema>();

        readonly List<Schema> alternatives = new List<Schema>();
        readonly Schema items;
        readonly Schema others;
        readonly Schema names;
        readonly Regex pattern;
        readonly string type;

        /// <param name="text">The schema as JSON.</param>
        public Schema(string text)
            : this((JsonObject)JsonReader.Read(text), new Dictionary<string, Schema>(StringComparer.Ordinal))
        {
        }

        Schema(JsonObject node, Dictionary<string, Schema> definitions)
        {
            this.node = node;
            this.definitions = definitions;
            string strange = node.Names.FirstOrDefault(name => Array.IndexOf(Keywords, name) < 0);
            if (strange != null)
                throw new NotSupportedException("a schema with the keyword '" + strange + "'");
            foreach (KeyValuePair<string, object> definition in Members("$defs"))
                definitions[definition.Key] = Inner(definition.Value);
            foreach (KeyValuePair<string, object> property in Members("properties"))
            {
                properties[property.Key] = Inner(property.Value);
                propertyOrder.Add(property.Key);
            }
            foreach (KeyValuePair<string, object> property in Members("patternProperties"))
                patterns.Add(new KeyValuePair<Regex, Schema>(Expression(property.Key), Inner(property.Value)));
            foreach (object name in List("required"))
                required.Add((string)name);
            prefix.AddRange(List("prefixItems").Select(Inner));
            alternatives.AddRange(List("anyOf").Select(Inner));
            items = InnerOrNone("items");
            others = InnerOrNone("additionalProperties");
            names = InnerOrNone("propertyNames");
            type = node.TryGet("type", out object word) ? (string)word : null;
            if (node.TryGet("pattern", out object expression))
                pattern = Expression((string)expression);
        }

        /// <summary>A document with its defaults.</summary>
        /// <param name="value">As <see cref="JsonReader"/> gives it.</param>
        /// <param name="code">Of the fault.</param>
        /// <exception cref="Fault">The first thing that does not fit.</exception>
        public object Validate(object value, string code)
        {
            var faults = new List<FieldFault>();
            object result = Check(value, "", faults);
            if (faults.Count > 0)
                throw new Fault(code, faults[0].Field, faults[0].Problem);
            return result;
        }

        object Check(object value, string field, List<FieldFault> faults)
        {
            if (node.TryGet("$ref", out object reference))
                return definitions[((string)reference).Substring("#/$defs/".Length)].Check(value, field, faults);
            if (alternatives.Count > 0)
                return CheckAlternatives(value, field, faults);
            if (node.TryGet("const", out object only) && !Equals(value, only))
                return Refuse(faults, field, "must be '" + only + "'");
            if (node.Contains("enum") && !List("enum").Contains(value))
                return Refuse(faults, field, "must be one of " + string.Join(", ", List("enum")));
            switch (type)
            {
                case "object":
                    return CheckObject(value, field, faults);
                case "array":
                    return CheckArray(value, field, faults);
                case "string":
                    return CheckString(value, field, faults);
                case "number":
                    return CheckNumber(value, field, faults);
                case "integer":
                    return CheckInteger(value, field, faults);
                case "boolean":
                    return value is bool ? value : Refuse(faults, field, "must be true or false");
                case "null":
                    return value == null ? null : Refuse(faults, field, "must be null");
                case null:
                    // Of the names of members, which are strings without saying so.
                    return value is string ? CheckString(value, field, faults) : value;
                default:
                    throw new NotSupportedException("a schema with the type '" + type + "'");
            }
        }

        object CheckAlternatives(object value, string field, List<FieldFault> faults)
        {
            List<FieldFault> closest = null;
            foreach (Schema alternative in alternatives)
            {
                var own = new List<FieldFault>();
                object result = alternative.Check(value, field, own);
                if (own.Count == 0)
                    return result;
                if (closest == null || own[0].Field.Length > closest[0].Field.Length)
                    closest = own;
            }
            faults.AddRange(closest);
            return null;
        }

        object CheckObject(object value, string field, List<FieldFault> faults)
        {
            var given = value as JsonObject;
            if (given == null)
                return Refuse(faults, field, "must be an object");
            CheckCount(given.Count, "minProperties", "maxProperties", "members", field, faults);
            var result = new JsonObject();
            foreach (string name in propertyOrder)
            {
                Schema schema = properties[name];
                if (given.TryGet(name, out object member))
                {
                    object read = schema.Check(member, Join(field, name), faults);
                    if (!schema.IsOmitted(read))
                        result[name] = read;
                }
                else if (required.Contains(name))
                    Refuse(faults, Join(field, name), "is missing");
                else if (schema.node.TryGet("default", out object standard) && !schema.node.Contains(OmittedDefault))
                    result[name] = schema.Check(standard, Join(field, name), faults);
            }
            foreach (KeyValuePair<string, object> member in given)
            {
                if (properties.ContainsKey(member.Key))
                    continue;
                string place = Join(field, member.Key);
                Schema schema = patterns.Where(pair => pair.Key.IsMatch(member.Key)).Select(pair => pair.Value)
                    .DefaultIfEmpty(others).First();
                names?.Check(member.Key, place, faults);
                if (schema == null)
                    Refuse(faults, place, patterns.Count > 0 ? "no name that is allowed here" : "unknown field");
                else
                    result[member.Key] = schema.Check(member.Value, place, faults);
            }
            return result;
        }

        bool IsOmitted(object value)
        {
            if (!node.Contains(OmittedDefault))
                return false;
            object standard = Check(node["default"], "", new List<FieldFault>());
            return CanonicalJson.Text(value) == CanonicalJson.Text(standard);
        }

        object CheckArray(object value, string field, List<FieldFault> faults)
        {
            var given = value as List<object>;
            if (given == null)
                return Refuse(faults, field, "must be a list");
            if (prefix.Count == 0)
                CheckCount(given.Count, "minItems", "maxItems", "items", field, faults);
            else if (given.Count > prefix.Count)
                Refuse(faults, field, "must have " + prefix.Count + " items");
            var result = new List<object>(given.Count);
            for (int index = 0; index < Math.Max(given.Count, prefix.Count); index++)
            {
                string place = Join(field, index.ToString(CultureInfo.InvariantCulture));
                Schema schema = index < prefix.Count ? prefix[index] : items;
                if (index >= given.Count)
                    Refuse(faults, place, "is missing");
                else if (schema != null)
                    result.Add(schema.Check(given[index], place, faults));
            }
            return result;
        }

        object CheckString(object value, string field, List<FieldFault> faults)
        {
            var text = value as string;
            if (text == null)
                return Refuse(faults, field, "must be a string");
            // Lengths count characters of Unicode, of which two UTF-16 code units may form one.
            CheckCount(text.Count(unit => !char.IsLowSurrogate(unit)), "minLength", "maxLength", "characters", field, faults);
            if (pattern != null && !pattern.IsMatch(text))
                Refuse(faults, field, "does not match " + pattern);
            return text;
        }

        object CheckNumber(object value, string field, List<FieldFault> faults)
        {
            var number = value as JsonNumber;
            if (number == null)
                return Refuse(faults, field, "must be a number");
            double result = number.IsFinite ? DoubleText.Read(number.Text) : double.NaN;
            if (double.IsNaN(result) || double.IsInfinity(result))
                return Refuse(faults, field, "must be a finite number");
            CheckRange(result, field, faults);
            return result;
        }

        object CheckInteger(object value, string field, List<FieldFault> faults)
        {
            var number = value as JsonNumber;
            if (number == null || !number.IsInteger)
                return Refuse(faults, field, "must be an integer");
            if (!long.TryParse(number.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long result))
                return Refuse(faults, field, "is out of range");
            CheckRange(result, field, faults);
            return result;
        }

        void CheckRange(double value, string field, List<FieldFault> faults)
        {
            if (Limit("minimum", out double lowest) && value < lowest)
                Refuse(faults, field, "must be at least " + DoubleText.Of(lowest));
            if (Limit("maximum", out double highest) && value > highest)
                Refuse(faults, field, "must be at most " + DoubleText.Of(highest));
            if (Limit("exclusiveMinimum", out double under) && value <= under)
                Refuse(faults, field, "must be more than " + DoubleText.Of(under));
            if (Limit("exclusiveMaximum", out double over) && value >= over)
                Refuse(faults, field, "must be less than " + DoubleText.Of(over));
        }

        void CheckCount(int count, string least, string most, string what, string field, List<FieldFault> faults)
        {
            if (Limit(least, out double lowest) && count < lowest)
                Refuse(faults, field, "must have at least " + DoubleText.Of(lowest) + " " + what);
            if (Limit(most, out double highest) && count > highest)
                Refuse(faults, field, "must have at most " + DoubleText.Of(highest) + " " + what);
        }

        bool Limit(string keyword, out double limit)
        {
            limit = 0;
            if (!node.TryGet(keyword, out object value))
                return false;
            limit = DoubleText.Read(((JsonNumber)value).Text);
            return true;
        }

        static Regex Expression(string pattern)
        {
            // `$` of JSON Schema is the very end; that of .NET may leave a line feed behind it.
            return new Regex(Regex.Replace(pattern, @"\$$", @"\z"), RegexOptions.CultureInvariant);
        }

        static object Refuse(List<FieldFault> faults, string field, string problem)
        {
            faults.Add(new FieldFault { Field = field, Problem = problem });
            return null;
        }

        static string Join(string field, string name) => field.Length > 0 ? field + "." + name : name;

        Schema Inner(object value) => new Schema((JsonObject)value, definitions);

        Schema InnerOrNone(string keyword)
        {
            return node.TryGet(keyword, out object value) && value is JsonObject ? Inner(value) : null;
        }

        JsonObject Members(string keyword)
        {
            return node.TryGet(keyword, out object value) ? (JsonObject)value : new JsonObject();
        }

        List<object> List(string keyword)
        {
            return node.TryGet(keyword, out object value) ? (List<object>)value : new List<object>();
        }

        struct FieldFault
        {
            public string Field;
            public string Problem;
        }
    }
}
