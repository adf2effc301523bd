using System;
using System.Globalization;
using System.Text;

namespace Beltline.Core
{
    /// <summary>
    /// Doubles as text, exactly. Written as ECMAScript does (ECMA-262, Number::toString), which RFC 8785 asks for. The
    /// runtime's own ways are not enough: Mono's double.Parse misses the closest double once in some thousand numbers,
    /// and its format "R" gives some doubles a text that reads as another one.
    /// </summary>
    public static class DoubleText
    {
        const int FractionBits = 52;
        const long FractionMask = (1L << FractionBits) - 1;
        const int ExponentBias = 1075;
        const long InfinityBits = 0x7FFL << FractionBits;

        /// <summary>More than any middle between two doubles has.</summary>
        const int MaximumDigits = 800;
        const int LargestExponent = 310;
        const int SmallestExponent = -330;
        const long HugeExponent = 1000000000000;

        /// <exception cref="ArgumentException">Not a finite number.</exception>
        public static string Of(double value)
        {
            if (double.IsNaN(value) || double.IsInfinity(value))
                throw new ArgumentException("JSON has only finite numbers");
            if (value == 0)
                return "0";
            string digits = ShortestDigits(Math.Abs(value), out int point);
            return (value < 0 ? "-" : "") + Layout(digits, point);
        }

        /// <summary>The double closest to a JSON number; of two equally close, the even one; infinite beyond all.</summary>
        /// <param name="text">As JSON writes numbers.</param>
        public static double Read(string text)
        {
            int mark = text.IndexOfAny(new[] { 'e', 'E' });
            string mantissa = mark < 0 ? text : text.Substring(0, mark);
            int point = mantissa.IndexOf('.');
            string digits = mantissa.Replace(".", "").TrimStart('-');
            long exponent = mark < 0 ? 0 : Exponent(text.Substring(mark + 1));
            exponent -= point < 0 ? 0 : mantissa.Length - point - 1;
            digits = digits.TrimStart('0');
            if (digits.Length > MaximumDigits)
            {
                // What lies beyond only says that the number is not exactly what the digits before say.
                exponent += digits.Length - MaximumDigits;
                digits = digits.Substring(0, MaximumDigits - 1) + "1";
            }
            double size = digits.Length == 0 ? 0 : Closest(digits, exponent);
            return text[0] == '-' ? -size : size;
        }

        static long Exponent(string text)
        {
            string digits = text.TrimStart('+', '-').TrimStart('0');
            long size = digits.Length > 9 ? HugeExponent : digits.Length == 0 ? 0 : long.Parse(digits, CultureInfo.InvariantCulture);
            return text[0] == '-' ? -size : size;
        }

        static double Closest(string digits, long exponent)
        {
            if (digits.Length + exponent > LargestExponent)
                return double.PositiveInfinity;
            if (digits.Length + exponent < SmallestExponent)
                return 0;
            string guess = digits + "E" + exponent.ToString(CultureInfo.InvariantCulture);
            if (!double.TryParse(guess, NumberStyles.Float, CultureInfo.InvariantCulture, out double size)
                || double.IsInfinity(size))
                size = double.MaxValue;
            long bits = BitConverter.DoubleToInt64Bits(size);
            Natural number = Natural.Parse(digits).TimesPowerOfTen((int)Math.Max(exponent, 0));
            Natural divisor = new Natural(1).TimesPowerOfTen((int)Math.Max(-exponent, 0));
            while (bits < InfinityBits && IsBeyond(number, divisor, bits, (bits & 1) == 1))
                bits++;
            while (bits > 0 && !IsBeyond(number, divisor, bits - 1, (bits & 1) == 0))
                bits--;
            return BitConverter.Int64BitsToDouble(bits);
        }

        /// <summary>Whether number / divisor lies above the middle between a double and the next, or just on it.</summary>
        static bool IsBeyond(Natural number, Natural divisor, long bits, bool inclusive)
        {
            Split(bits, out long significand, out int exponent);
            Natural left = number.ShiftLeft(Math.Max(1 - exponent, 0));
            Natural middle = new Natural(2 * (ulong)significand + 1);
            Natural right = divisor.Times(middle).ShiftLeft(Math.Max(exponent - 1, 0));
            return Reaches(left, right, inclusive);
        }

        /// <summary>A positive double as significand x 2^exponent.</summary>
        static void Split(long bits, out long significand, out int exponent)
        {
            int field = (int)(bits >> FractionBits);
            long fraction = bits & FractionMask;
            significand = field == 0 ? fraction : fraction | (1L << FractionBits);
            exponent = Math.Max(field, 1) - ExponentBias;
        }

        /// <summary>Digits with the decimal point before them moved right by <paramref name="point"/> places.</summary>
        static string Layout(string digits, int point)
        {
            if (digits.Length <= point && point <= 21)
                return digits + new string('0', point - digits.Length);
            if (0 < point && point <= 21)
                return digits.Substring(0, point) + "." + digits.Substring(point);
            if (-6 < point && point <= 0)
                return "0." + new string('0', -point) + digits;
            string exponent = (point > 0 ? "+" : "-") + Math.Abs(point - 1).ToString(CultureInfo.InvariantCulture);
            string fraction = digits.Length > 1 ? "." + digits.Substring(1) : "";
            return digits.Substring(0, 1) + fraction + "e" + exponent;
        }

        /// <summary>
        /// Fewest digits that read as this double; of those, the closest. Source: R. G. Burger and R. K. Dybvig,
        /// "Printing Floating-Point Numbers Quickly and Accurately", PLDI 1996: the value is r / s in exact arithmetic,
        /// and half the distances to its neighbours are below / s and above / s.
        /// </summary>
        static string ShortestDigits(double value, out int point)
        {
            long bits = BitConverter.DoubleToInt64Bits(value);
            Split(bits, out long significand, out int exponent);
            bool even = (significand & 1) == 0;
            // Just above a power of two the gap downwards is half as wide.
            int narrow = (bits & FractionMask) == 0 && exponent > 1 - ExponentBias ? 1 : 0;
            int shift = Math.Max(exponent, 0);
            Natural r = new Natural((ulong)significand).ShiftLeft(shift + 1 + narrow);
            Natural s = new Natural(1).ShiftLeft(Math.Max(-exponent, 0) + 1 + narrow);
            Natural below = new Natural(1).ShiftLeft(shift);
            Natural above = new Natural(1).ShiftLeft(shift + narrow);
            point = (int)Math.Ceiling(Math.Log10(value) - 1e-10);
            s = s.TimesPowerOfTen(Math.Max(point, 0));
            r = r.TimesPowerOfTen(Math.Max(-point, 0));
            below = below.TimesPowerOfTen(Math.Max(-point, 0));
            above = above.TimesPowerOfTen(Math.Max(-point, 0));
            if (Reaches(r.Plus(above), s, even))
            {
                point++;
                s = s.Times(10);
            }
            var digits = new StringBuilder();
            while (true)
            {
                r = r.Times(10);
                below = below.Times(10);
                above = above.Times(10);
                int digit = 0;
                while (r.CompareTo(s) >= 0)
                {
                    r = r.Minus(s);
                    digit++;
                }
                bool lowEnough = even ? r.CompareTo(below) <= 0 : r.CompareTo(below) < 0;
                bool highEnough = Reaches(r.Plus(above), s, even);
                if (!lowEnough && !highEnough)
                {
                    digits.Append((char)('0' + digit));
                    continue;
                }
                int half = r.Times(2).CompareTo(s);
                bool up = lowEnough && highEnough ? half > 0 || (half == 0 && digit % 2 == 1) : highEnough;
                digits.Append((char)('0' + digit + (up ? 1 : 0)));
                return digits.ToString();
            }
        }

        static bool Reaches(Natural sum, Natural limit, bool inclusive)
        {
            int order = sum.CompareTo(limit);
            return inclusive ? order >= 0 : order > 0;
        }
    }
}
