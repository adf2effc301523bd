using System;
using System.IO;
using System.Net.Sockets;
using System.Text;

namespace Beltline.MonoPlayer
{
    /// <summary>
    /// One unary gRPC call after another over one cleartext HTTP/2 connection: as much of both as ML-Agents' exchange
    /// needs. Sources: RFC 9113 (frames, flow control), RFC 7541 (literal header fields), "gRPC over HTTP2".
    /// </summary>
    public sealed class GrpcClient : IDisposable
    {
        enum Frame : byte
        {
            Data = 0,
            Headers = 1,
            Reset = 3,
            Settings = 4,
            Ping = 6,
            GoAway = 7,
            WindowUpdate = 8,
        }

        const byte EndStream = 1;
        const byte Acknowledge = 1;
        const byte EndHeaders = 4;
        const int HeadBytes = 9;
        const int MessageHeadBytes = 5;

        /// <summary>gRPC's default, which ML-Agents leaves as it is.</summary>
        const int LongestReply = 4 << 20;
        const int InitialWindowSetting = 4;
        const int MaximumFrameSetting = 5;
        const int DefaultWindow = 65535;
        const int LargestWindow = int.MaxValue;

        readonly TcpClient client;
        readonly Stream stream;
        readonly string authority;
        int nextStream = 1;
        long connectionWindow = DefaultWindow;
        long streamWindow;
        long initialWindow = DefaultWindow;
        int maximumFrame = 16384;

        public GrpcClient(string host, int port)
        {
            client = new TcpClient(host, port) { NoDelay = true };
            stream = client.GetStream();
            authority = host + ":" + port;
            byte[] preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            stream.Write(preface, 0, preface.Length);
            var setting = new byte[6];
            setting[1] = InitialWindowSetting;
            BigEndian(LargestWindow).CopyTo(setting, 2);
            Send(Frame.Settings, 0, 0, setting, 0, setting.Length);
            Grant(LargestWindow - DefaultWindow);
        }

        /// <summary>Calls a method and waits for its reply.</summary>
        /// <exception cref="IOException">The other side is gone, or refuses.</exception>
        public byte[] Call(string path, byte[] message)
        {
            int id = nextStream;
            nextStream += 2;
            streamWindow = initialWindow;
            byte[] headers = Headers(path);
            Send(Frame.Headers, EndHeaders, id, headers, 0, headers.Length);
            var body = new byte[MessageHeadBytes + message.Length];
            BigEndian(message.Length).CopyTo(body, 1);
            message.CopyTo(body, MessageHeadBytes);
            var reply = new MemoryStream();
            bool ended = false;
            for (int sent = 0; sent < body.Length && !ended;)
            {
                int count = (int)Math.Min(Math.Min(connectionWindow, streamWindow), Math.Min(maximumFrame, body.Length - sent));
                if (count <= 0)
                {
                    ended = Receive(id, reply);
                    continue;
                }
                Send(Frame.Data, sent + count == body.Length ? EndStream : (byte)0, id, body, sent, count);
                sent += count;
                connectionWindow -= count;
                streamWindow -= count;
            }
            while (!ended)
                ended = Receive(id, reply);
            if (reply.Length < MessageHeadBytes)
                throw new IOException("the call ended without a reply");
            if (reply.Length > LongestReply + MessageHeadBytes)
                throw new IOException("a reply of " + reply.Length + " bytes is longer than a build takes");
            byte[] received = reply.ToArray();
            var result = new byte[received.Length - MessageHeadBytes];
            Buffer.BlockCopy(received, MessageHeadBytes, result, 0, result.Length);
            return result;
        }

        public void Dispose() => client.Close();

        /// <summary>Handles one frame; whether it ended the stream.</summary>
        bool Receive(int id, MemoryStream reply)
        {
            byte[] head = Read(HeadBytes);
            byte[] body = Read(head[0] << 16 | head[1] << 8 | head[2]);
            byte flags = head[4];
            int stream = Number(head, 5) & int.MaxValue;
            switch ((Frame)head[3])
            {
                case Frame.Data:
                    reply.Write(body, 0, body.Length);
                    if (body.Length > 0)
                        Grant(body.Length);
                    return stream == id && (flags & EndStream) != 0;
                case Frame.Headers:
                    return stream == id && (flags & EndStream) != 0;
                case Frame.Reset:
                    throw new IOException("the call was reset with error " + Number(body, 0));
                case Frame.GoAway:
                    // It may still answer the streams that it names.
                    if (Number(body, 4) != 0 || (Number(body, 0) & int.MaxValue) < id)
                        throw new IOException("the server goes away with error " + Number(body, 4));
                    return false;
                case Frame.Settings:
                    if ((flags & Acknowledge) == 0)
                        Apply(body);
                    return false;
                case Frame.Ping:
                    if ((flags & Acknowledge) == 0)
                        Respond(Frame.Ping, Acknowledge, body);
                    return false;
                case Frame.WindowUpdate:
                    if (stream == 0)
                        connectionWindow += Number(body, 0);
                    else if (stream == id)
                        streamWindow += Number(body, 0);
                    return false;
                default:
                    return false;
            }
        }

        void Apply(byte[] settings)
        {
            for (int place = 0; place + 6 <= settings.Length; place += 6)
            {
                int name = settings[place] << 8 | settings[place + 1];
                int value = Number(settings, place + 2);
                if (name == MaximumFrameSetting)
                    maximumFrame = value;
                if (name != InitialWindowSetting)
                    continue;
                streamWindow += value - initialWindow;
                initialWindow = value;
            }
            Respond(Frame.Settings, Acknowledge, new byte[0]);
        }

        void Grant(int bytes) => Respond(Frame.WindowUpdate, 0, BigEndian(bytes));

        /// <summary>A server that is closing no longer listens, and may yet have said what is to be read.</summary>
        void Respond(Frame type, byte flags, byte[] body)
        {
            try
            {
                Send(type, flags, 0, body, 0, body.Length);
            }
            catch (IOException)
            {
            }
        }

        void Send(Frame type, byte flags, int id, byte[] body, int start, int count)
        {
            var frame = new byte[HeadBytes + count];
            Buffer.BlockCopy(BigEndian(count), 1, frame, 0, 3);
            frame[3] = (byte)type;
            frame[4] = flags;
            BigEndian(id).CopyTo(frame, 5);
            Buffer.BlockCopy(body, start, frame, HeadBytes, count);
            stream.Write(frame, 0, frame.Length);
        }

        byte[] Headers(string path)
        {
            var block = new MemoryStream();
            var fields = new[]
            {
                ":method", "POST", ":scheme", "http", ":path", path, ":authority", authority,
                "content-type", "application/grpc", "te", "trailers",
            };
            for (int index = 0; index < fields.Length; index++)
            {
                // A literal field that is not indexed begins with a zero; a plain string with its length, below 127.
                if (index % 2 == 0)
                    block.WriteByte(0);
                byte[] text = Encoding.ASCII.GetBytes(fields[index]);
                block.WriteByte((byte)text.Length);
                block.Write(text, 0, text.Length);
            }
            return block.ToArray();
        }

        byte[] Read(int count)
        {
            var result = new byte[count];
            for (int done = 0; done < count;)
            {
                int read = stream.Read(result, done, count - done);
                if (read <= 0)
                    throw new EndOfStreamException("the connection is closed");
                done += read;
            }
            return result;
        }

        static byte[] BigEndian(int value)
        {
            return new[] { (byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value };
        }

        static int Number(byte[] bytes, int place)
        {
            return bytes[place] << 24 | bytes[place + 1] << 16 | bytes[place + 2] << 8 | bytes[place + 3];
        }
    }
}
