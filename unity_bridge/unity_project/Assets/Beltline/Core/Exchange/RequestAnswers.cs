using System;
using System.IO;
using System.Threading.Tasks;

namespace Beltline.Core
{
    /// <summary>What carries out a checked spec.</summary>
    public interface IFrameRenderer
    {
        PlayerIdentity Identity { get; }

        /// <summary>What renders, for people.</summary>
        string Device { get; }

        /// <summary>Writes the files of a frame and returns the digest of its sidecar.</summary>
        /// <exception cref="Fault">The spec can't be rendered.</exception>
        /// <exception cref="IOException">A file can't be written.</exception>
        Task<string> Render(FrameSpec spec, string assets, string folder);
    }

    /// <summary>What a player does with one side-channel message, whichever renderer it has.</summary>
    public static class RequestAnswers
    {
        /// <summary>
        /// In the low bits where the runtime keeps them: ENOSPC, EFBIG and EDQUOT, and what Mono makes of a full disk,
        /// ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
        /// </summary>
        static readonly int[] DiskFullErrors = { 28, 27, 122, 39, 112 };

        /// <summary>Carries out one message; the answer's payload.</summary>
        /// <exception cref="Fault">It is no request, and names none that could be answered.</exception>
        public static async Task<byte[]> Answer(IFrameRenderer renderer, byte[] payload)
        {
            long requestId = 0;
            try
            {
                RenderRequest request = RenderRequest.Read(payload, out requestId);
                FrameSpec spec = FrameSpecReader.Read(request.ReadSpec());
                if (!Directory.Exists(request.Folder))
                    throw new Fault(FaultCode.InvalidRequest, "folder", "no folder " + request.Folder + " to write to");
                string sidecar = await renderer.Render(spec, request.Assets, request.Folder);
                return PlayerMessages.Done(requestId, spec.Digest, sidecar);
            }
            catch (Fault fault) when (requestId > 0)
            {
                return PlayerMessages.Failed(requestId, fault, false);
            }
            catch (IOException error)
            {
                bool full = Array.IndexOf(DiskFullErrors, error.HResult & 0xFFFF) >= 0;
                string code = full ? FaultCode.DiskFull : FaultCode.Internal;
                return PlayerMessages.Failed(requestId, new Fault(code, "", error.Message), true);
            }
            catch (Exception error) when (!(error is Fault))
            {
                // Whatever else goes wrong is told, so that the worker need not guess from a dead player.
                string message = error.GetType().Name + ": " + error.Message;
                return PlayerMessages.Failed(requestId, new Fault(FaultCode.Internal, "", message), error is OutOfMemoryException);
            }
        }
    }
}
