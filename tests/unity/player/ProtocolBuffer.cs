using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Beltline.MonoPlayer
{
    /// <summary>
    /// Fields of one Protocol Buffers message, written and read by their numbers: as much of the wire format as
    /// ML-Agents' messages use. Source: Protocol Buffers documentation, "Encoding".
    /// </summary>
    public sealed class ProtocolBuffer
    {
        const int Varint = 0;
        const int Fixed64 = 1;
        const int LengthDelimited = 2;
        const int Fixed32 = 5;

        readonly MemoryStream bytes = new MemoryStream();

        public byte[] ToArray() => bytes.ToArray();

        public ProtocolBuffer Integer(int field, ulong value)
        {
            WriteVarint((ulong)(field << 3 | Varint));
            WriteVarint(value);
            return this;
        }

        public ProtocolBuffer Bytes(int field, byte[] value)
        {
            WriteVarint((ulong)(field << 3 | LengthDelimited));
            WriteVarint((ulong)value.Length);
            bytes.Write(value, 0, value.Length);
            return this;
        }

        public ProtocolBuffer Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

        public ProtocolBuffer Message(int field, ProtocolBuffer value) => Bytes(field, value.ToArray());

        /// <summary>Bytes of a field within fields within a message; empty where one is absent.</summary>
        public static byte[] Find(byte[] message, params int[] path)
        {
            foreach (int field in path)
                message = Fields(message).TryGetValue(field, out object value) ? (byte[])value : new byte[0];
            return message;
        }

        /// <summary>A number in a message; 0 where it is absent.</summary>
        public static long Number(byte[] message, int field)
        {
            return Fields(message).TryGetValue(field, out object value) ? (long)(ulong)value : 0;
        }

        static Dictionary<int, object> Fields(byte[] message)
        {
            var fields = new Dictionary<int, object>();
            int position = 0;
            while (position < message.Length)
            {
                ulong key = ReadVarint(message, ref position);
                int field = (int)(key >> 3);
                switch ((int)(key & 7))
                {
                    case Varint:
                        fields[field] = ReadVarint(message, ref position);
                        break;
                    case LengthDelimited:
                        var value = new byte[(int)ReadVarint(message, ref position)];
                        Buffer.BlockCopy(message, position, value, 0, value.Length);
                        position += value.Length;
                        fields[field] = value;
                        break;
                    case Fixed32:
                        position += 4;
                        break;
                    case Fixed64:
                        position += 8;
                        break;
                    default:
                        throw new InvalidDataException("a message with a field of an unknown kind");
                }
            }
            return fields;
        }

        void WriteVarint(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
                bytes.WriteByte((byte)(value | 0x80));
            bytes.WriteByte((byte)value);
        }

        static ulong ReadVarint(byte[] message, ref int position)
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte part = message[position++];
                value |= (ulong)(part & 0x7F) << shift;
                if (part < 0x80)
                    return value;
            }
        }
    }
}
