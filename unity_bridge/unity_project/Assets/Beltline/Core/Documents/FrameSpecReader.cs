namespace Beltline.Core
{
    /// <summary>Reads a spec as strictly as every player does: its schema, then what a schema can't say.</summary>
    public static class FrameSpecReader
    {
        static readonly Schema Schema = new Schema(SchemaTexts.FrameSpec);

        /// <param name="text">As it came; the digest is taken over its UTF-8 bytes.</param>
        /// <exception cref="Fault">With the field that is at fault.</exception>
        public static FrameSpec Read(string text)
        {
            object value;
            try
            {
                value = JsonReader.Read(text);
            }
            catch (JsonException error)
            {
                throw new Fault(FaultCode.InvalidSpec, "", error.Message);
            }
            var document = (JsonObject)Schema.Validate(value, FaultCode.InvalidSpec);
            var spec = new FrameSpec(document, Digest.OfText(text));
            SpecChecks.Check(spec);
            return spec;
        }
    }
}
