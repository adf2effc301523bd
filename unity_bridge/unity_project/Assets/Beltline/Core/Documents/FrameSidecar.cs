using System.Collections.Generic;
using System.Linq;

namespace Beltline.Core
{
    /// <summary>What the player writes beside the images of a frame.</summary>
    public static class FrameSidecar
    {
        /// <summary>Canonical JSON: the same bytes from every player, but for its name and what it saw.</summary>
        /// <param name="spec">As received; what the sidecar echoes is taken from it.</param>
        /// <param name="instances">In the order of their ids.</param>
        /// <param name="files">Digest of each file as written, by role: image, mask, instances, depth.</param>
        /// <param name="player">Who rendered it.</param>
        public static byte[] Write(
            FrameSpec spec,
            IEnumerable<Instance> instances,
            IEnumerable<KeyValuePair<string, string>> files,
            PlayerIdentity player)
        {
            var digests = new JsonObject();
            foreach (KeyValuePair<string, string> file in files)
                digests[file.Key] = file.Value;
            var document = new JsonObject()
                .With("spec_digest", spec.Digest)
                .With("instances", instances.Select(Document).ToList())
                .With("files", digests)
                .With("player", player.Document());
            foreach (string name in SchemaTexts.EchoedFields)
                if (spec.Document.TryGet(name, out object value))
                    document[name] = value;
            return CanonicalJson.Bytes(document);
        }

        static object Document(Instance instance)
        {
            var box = new List<object> { instance.X, instance.Y, instance.Width, instance.Height };
            return new JsonObject()
                .With("id", (int)instance.Id)
                .With("label", instance.Label)
                .With("area_px", instance.AreaPx)
                .With("box", box)
                .With("visible_fraction", instance.VisibleFraction);
        }
    }
}
