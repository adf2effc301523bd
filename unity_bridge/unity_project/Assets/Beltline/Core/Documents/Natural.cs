using System;
using System.Collections.Generic;

namespace Beltline.Core
{
    /// <summary>A natural number of any size, in words of 32 bits, lowest first, without leading zeros.</summary>
    sealed class Natural
    {
        const int DigitsAtOnce = 9;
        const uint PowerOfDigitsAtOnce = 1000000000;

        readonly uint[] words;

        Natural(List<uint> words)
        {
            int length = words.Count;
            while (length > 0 && words[length - 1] == 0)
                length--;
            this.words = words.GetRange(0, length).ToArray();
        }

        public Natural(ulong value)
            : this(new List<uint> { (uint)value, (uint)(value >> 32) })
        {
        }

        /// <summary>From decimal digits.</summary>
        public static Natural Parse(string digits)
        {
            var result = new Natural(0);
            foreach (char digit in digits)
                result = result.Times(10).Plus(new Natural((ulong)(digit - '0')));
            return result;
        }

        public Natural ShiftLeft(int count)
        {
            var result = new List<uint>(new uint[count / 32]);
            int within = count % 32;
            ulong carry = 0;
            foreach (uint word in words)
            {
                carry |= (ulong)word << within;
                result.Add((uint)carry);
                carry >>= 32;
            }
            result.Add((uint)carry);
            return new Natural(result);
        }

        public Natural Times(uint factor)
        {
            var result = new List<uint>(words.Length + 1);
            ulong carry = 0;
            foreach (uint word in words)
            {
                carry += (ulong)word * factor;
                result.Add((uint)carry);
                carry >>= 32;
            }
            result.Add((uint)carry);
            return new Natural(result);
        }

        public Natural Times(Natural other)
        {
            var result = new List<uint>(new uint[words.Length + other.words.Length]);
            for (int index = 0; index < words.Length; index++)
            {
                ulong carry = 0;
                for (int place = 0; place < other.words.Length; place++)
                {
                    carry += (ulong)words[index] * other.words[place] + result[index + place];
                    result[index + place] = (uint)carry;
                    carry >>= 32;
                }
                result[index + other.words.Length] = (uint)carry;
            }
            return new Natural(result);
        }

        public Natural TimesPowerOfTen(int power)
        {
            Natural result = this;
            for (; power >= DigitsAtOnce; power -= DigitsAtOnce)
                result = result.Times(PowerOfDigitsAtOnce);
            for (; power > 0; power--)
                result = result.Times(10);
            return result;
        }

        public Natural Plus(Natural other)
        {
            var result = new List<uint>();
            ulong carry = 0;
            for (int index = 0; index < Math.Max(words.Length, other.words.Length); index++)
            {
                carry += (ulong)Word(index) + other.Word(index);
                result.Add((uint)carry);
                carry >>= 32;
            }
            result.Add((uint)carry);
            return new Natural(result);
        }

        /// <summary>The difference to a number that is not larger.</summary>
        public Natural Minus(Natural other)
        {
            var result = new List<uint>(words.Length);
            long borrow = 0;
            for (int index = 0; index < words.Length; index++)
            {
                long difference = (long)words[index] - other.Word(index) - borrow;
                borrow = difference < 0 ? 1 : 0;
                result.Add((uint)difference);
            }
            return new Natural(result);
        }

        public int CompareTo(Natural other)
        {
            if (words.Length != other.words.Length)
                return words.Length.CompareTo(other.words.Length);
            for (int index = words.Length - 1; index >= 0; index--)
                if (words[index] != other.words[index])
                    return words[index].CompareTo(other.words[index]);
            return 0;
        }

        uint Word(int index) => index < words.Length ? words[index] : 0;
    }
}
