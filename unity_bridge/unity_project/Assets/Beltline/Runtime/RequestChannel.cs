using System.Collections.Generic;
using Beltline.Core;
using Unity.MLAgents.SideChannels;

namespace Beltline.Runtime
{
    /// <summary>
    /// The worker's side channel. Payloads are kept as they come and read later, so that garbage fails the request that
    /// it is, and never the exchange underneath.
    /// </summary>
    public sealed class RequestChannel : SideChannel
    {
        readonly Queue<byte[]> payloads = new Queue<byte[]>();

        public RequestChannel()
        {
            ChannelId = PlayerMessages.Channel;
        }

        /// <summary>The next payload that arrived, or null.</summary>
        public byte[] Take() => payloads.Count > 0 ? payloads.Dequeue() : null;

        /// <summary>Goes out with the next exchange.</summary>
        public void Send(byte[] payload)
        {
            using (var message = new OutgoingMessage())
            {
                // Raw bytes: the package writes texts as ASCII.
                message.SetRawBytes(payload);
                QueueMessageToSend(message);
            }
        }

        protected override void OnMessageReceived(IncomingMessage msg) => payloads.Enqueue(msg.GetRawBytes());
    }
}
