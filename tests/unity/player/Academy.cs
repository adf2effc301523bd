using System;
using System.Collections.Generic;
using System.IO;
using Beltline.Core;

namespace Beltline.MonoPlayer
{
    /// <summary>
    /// A player's side of the ML-Agents connection (communication API 1.5.0), which in a Unity build is the package's:
    /// announce, fetch the first input, then exchange the state of one agent for the next input until told to quit.
    /// </summary>
    public sealed class Academy
    {
        const string Method = "/communicator_objects.UnityToExternalProto/Exchange";
        const string Behavior = "Tick?team=0";
        const string ApiVersion = "1.5.0";
        const string PackageVersion = "4.0.3";
        const int Ok = 200;
        const int Capabilities = 7;

        readonly GrpcClient server;
        readonly IFrameRenderer renderer;

        public Academy(GrpcClient server, IFrameRenderer renderer)
        {
            this.server = server;
            this.renderer = renderer;
        }

        /// <summary>Serves requests until told to quit; how many exchanges there were.</summary>
        public int Run()
        {
            var capabilities = new ProtocolBuffer();
            for (int number = 1; number <= Capabilities; number++)
                capabilities.Integer(number, 1);
            var announcement = new ProtocolBuffer()
                .Text(1, renderer.Identity.Name)
                .Text(2, ApiVersion)
                .Text(7, PackageVersion)
                .Message(8, capabilities);
            Exchange(new ProtocolBuffer().Message(2, announcement));
            byte[] input = Exchange(null);
            var outgoing = new MemoryStream();
            Write(outgoing, PlayerMessages.Hello(renderer.Identity, renderer.Device));
            int steps = 0;
            while (ProtocolBuffer.Number(ProtocolBuffer.Find(input, 1), 1) == Ok)
            {
                foreach (byte[] payload in Messages(ProtocolBuffer.Find(input, 3, 1, 5)))
                    Write(outgoing, RequestAnswers.Answer(renderer, payload).GetAwaiter().GetResult());
                input = Exchange(State(steps, outgoing.ToArray()));
                outgoing.SetLength(0);
                steps++;
            }
            return steps;
        }

        byte[] Exchange(ProtocolBuffer output)
        {
            var message = new ProtocolBuffer().Message(1, new ProtocolBuffer().Integer(1, Ok));
            if (output != null)
                message.Message(2, output);
            return server.Call(Method, message.ToArray());
        }

        /// <summary>Of the one agent, whose only purpose is that an exchange takes place.</summary>
        static ProtocolBuffer State(int step, byte[] sideChannel)
        {
            var observation = new ProtocolBuffer()
                .Integer(1, 1)
                .Message(4, new ProtocolBuffer().Bytes(1, BitConverter.GetBytes((float)step)))
                .Integer(6, 1)
                .Text(8, "exchange");
            var agents = new ProtocolBuffer().Message(1, new ProtocolBuffer().Integer(10, 1).Message(13, observation));
            var state = new ProtocolBuffer()
                .Message(2, new ProtocolBuffer().Text(1, Behavior).Message(2, agents))
                .Bytes(3, sideChannel);
            var output = new ProtocolBuffer().Message(1, state);
            if (step > 0)
                return output;
            var brain = new ProtocolBuffer().Text(7, Behavior).Integer(8, 1).Message(9, new ProtocolBuffer().Integer(1, 1));
            return output.Message(2, new ProtocolBuffer().Message(5, brain));
        }

        /// <summary>Payloads on our channel; those of others are not ours to read.</summary>
        static IEnumerable<byte[]> Messages(byte[] sideChannel)
        {
            var reader = new BinaryReader(new MemoryStream(sideChannel));
            while (reader.BaseStream.Position < sideChannel.Length)
            {
                var channel = new Guid(reader.ReadBytes(16));
                byte[] payload = reader.ReadBytes(reader.ReadInt32());
                if (channel == PlayerMessages.Channel)
                    yield return payload;
            }
        }

        static void Write(Stream outgoing, byte[] payload)
        {
            outgoing.Write(PlayerMessages.Channel.ToByteArray(), 0, 16);
            outgoing.Write(BitConverter.GetBytes(payload.Length), 0, 4);
            outgoing.Write(payload, 0, payload.Length);
        }
    }
}
