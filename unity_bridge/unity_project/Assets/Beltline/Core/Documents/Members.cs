using System.Collections.Generic;
using System.Linq;

namespace Beltline.Core
{
    /// <summary>Typed members of a document that its schema has accepted.</summary>
    static class Members
    {
        public static string Text(this JsonObject document, string name) => (string)document[name];

        public static string TextOrNull(this JsonObject document, string name)
        {
            return document.TryGet(name, out object value) ? (string)value : null;
        }

        public static long Integer(this JsonObject document, string name) => (long)document[name];

        public static double Number(this JsonObject document, string name) => (double)document[name];

        public static bool Truth(this JsonObject document, string name) => (bool)document[name];

        public static JsonObject Member(this JsonObject document, string name) => (JsonObject)document[name];

        public static List<object> Items(this JsonObject document, string name) => (List<object>)document[name];

        public static IEnumerable<JsonObject> Objects(this JsonObject document, string name)
        {
            return document.Items(name).Cast<JsonObject>();
        }

        public static double[] Numbers(this JsonObject document, string name)
        {
            return document.Items(name).Cast<double>().ToArray();
        }

        /// <summary>A square matrix from its rows.</summary>
        public static double[,] Matrix(this JsonObject document, string name)
        {
            List<object> rows = document.Items(name);
            var result = new double[rows.Count, rows.Count];
            for (int row = 0; row < rows.Count; row++)
                for (int column = 0; column < rows.Count; column++)
                    result[row, column] = (double)((List<object>)rows[row])[column];
            return result;
        }
    }
}
