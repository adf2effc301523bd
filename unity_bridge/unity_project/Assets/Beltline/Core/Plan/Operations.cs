using System.Collections.Generic;

namespace Beltline.Core
{
    /// <summary>One thing that a renderer does to apply a spec. Everything is in the engine's axes and in its terms.</summary>
    public abstract class Operation
    {
    }

    /// <summary>Have an asset at hand; comes before what refers to it.</summary>
    public sealed class UseAsset : Operation
    {
        public string Digest { get; internal set; }

        /// <summary>In the folder of assets.</summary>
        public string FileName { get; internal set; }

        /// <summary>Place in the spec, for faults about the file: <c>assets.2</c>.</summary>
        public string Field { get; internal set; }
    }

    public enum Surface
    {
        Opaque,
        ThinGlass,
        Lamp,
    }

    /// <summary>Have a material at hand; comes before the objects that wear it.</summary>
    public sealed class UseMaterial : Operation
    {
        public string Name { get; internal set; }
        public Surface Surface { get; internal set; }

        /// <summary>Linear RGB: reflectance; of glass, what it lets through beyond the reflections of a clear pane.</summary>
        public double[] Color { get; internal set; }

        /// <summary>Digest of an image to multiply the colour with, or null.</summary>
        public string Texture { get; internal set; }

        /// <summary>Repeats over a unit of u and v.</summary>
        public double[] TextureScale { get; internal set; }
        public double Metallic { get; internal set; }

        /// <summary>1 minus the perceptual roughness.</summary>
        public double Smoothness { get; internal set; }
        public double Clearcoat { get; internal set; }
        public double Sheen { get; internal set; }

        /// <summary>Linear RGB in cd/m2; its luminance is that of the spec. Zero but for lamps.</summary>
        public double[] EmissionCdM2 { get; internal set; }
    }

    /// <summary>A part of an object that is drawn; parts that are not listed are not.</summary>
    public sealed class PlacedPart
    {
        /// <summary>Name within the asset.</summary>
        public string Part { get; internal set; }
        public string Material { get; internal set; }

        /// <summary>In the <see cref="IdTable"/>.</summary>
        public int Row { get; internal set; }

        /// <summary>Whether the id pass and depth leave the part out.</summary>
        public bool SeeThrough { get; internal set; }

        /// <summary>Place in the spec, for a part that the asset does not have.</summary>
        public string Field { get; internal set; }
    }

    /// <summary>Put an asset into the world.</summary>
    public sealed class PlaceObject : Operation
    {
        public string Name { get; internal set; }

        /// <summary>Digest of the model.</summary>
        public string Asset { get; internal set; }
        public EnginePose Pose { get; internal set; }
        public IReadOnlyList<PlacedPart> Parts { get; internal set; }
    }

    /// <summary>Shine parallel light.</summary>
    public sealed class ShineLight : Operation
    {
        /// <summary>Unit vector in which the light travels.</summary>
        public double[] Direction { get; internal set; }

        /// <summary>Linear RGB in lux, on a surface that faces the light.</summary>
        public double[] IlluminanceLux { get; internal set; }
    }

    /// <summary>Surround the scene.</summary>
    public sealed class SetEnvironment : Operation
    {
        /// <summary>Digest of the equirectangular image.</summary>
        public string Image { get; internal set; }
        public EnginePose Pose { get; internal set; }

        /// <summary>Factor from image values to luminance.</summary>
        public double LuminanceCdM2 { get; internal set; }
    }

    /// <summary>Expose: luminance x scale x gain, tone mapped, sRGB encoded.</summary>
    public sealed class SetExposure : Operation
    {
        public double Ev100 { get; internal set; }

        /// <summary>1 / (1.2 x 2^EV100).</summary>
        public double Scale { get; internal set; }
        public double[] WhiteBalanceGains { get; internal set; }
    }

    /// <summary>Write the semantic mask with these colours.</summary>
    public sealed class SetPalette : Operation
    {
        /// <summary>256 times red, green, blue: those of the labels by their ids, white for no label.</summary>
        public byte[] Colors { get; internal set; }
    }
}
