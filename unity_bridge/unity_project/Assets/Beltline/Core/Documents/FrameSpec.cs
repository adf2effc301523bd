using System.Collections.Generic;
using System.Linq;

namespace Beltline.Core
{
    /// <summary>A class of the semantic mask.</summary>
    public sealed class Label
    {
        internal Label(JsonObject document)
        {
            Id = (byte)document.Integer("id");
            Name = document.Text("name");
            Color = document.Items("color").Select(value => (byte)(long)value).ToArray();
        }

        public byte Id { get; }
        public string Name { get; }

        /// <summary>sRGB, three values.</summary>
        public byte[] Color { get; }
    }

    /// <summary>A surface, in the terms of the metallic-roughness model.</summary>
    public sealed class Material
    {
        internal Material(string name, JsonObject document)
        {
            Name = name;
            Model = document.Text("model");
            BaseColor = document.Numbers("base_color");
            BaseColorTexture = document.TextOrNull("base_color_texture");
            TextureScale = document.Numbers("texture_scale");
            Metallic = document.Number("metallic");
            Roughness = document.Number("roughness");
            Clearcoat = document.Number("clearcoat");
            Sheen = document.Number("sheen");
            LuminanceCdM2 = document.Number("luminance_cd_m2");
        }

        public string Name { get; }

        /// <summary><c>surface</c>, <c>thin_glass</c> or <c>emissive</c>.</summary>
        public string Model { get; }
        public double[] BaseColor { get; }

        /// <summary>Digest of a PNG asset, or null.</summary>
        public string BaseColorTexture { get; }
        public double[] TextureScale { get; }
        public double Metallic { get; }
        public double Roughness { get; }
        public double Clearcoat { get; }
        public double Sheen { get; }
        public double LuminanceCdM2 { get; }
    }

    /// <summary>What one named part of an asset is in this frame.</summary>
    public sealed class PartBinding
    {
        internal PartBinding(string part, JsonObject document)
        {
            Part = part;
            Material = document.Text("material");
            Label = document.TextOrNull("label");
            Instance = (ushort)document.Integer("instance");
            SeeThrough = document.Truth("see_through");
        }

        public string Part { get; }
        public string Material { get; }

        /// <summary>Name of a label, or null for pixels without one.</summary>
        public string Label { get; }

        /// <summary>Value in the instance mask; 0 is none.</summary>
        public ushort Instance { get; }
        public bool SeeThrough { get; }
    }

    /// <summary>An asset placed in the world.</summary>
    public sealed class SceneObject
    {
        internal SceneObject(JsonObject document)
        {
            Name = document.Text("name");
            Asset = document.Text("asset");
            WorldFromObject = document.Matrix("world_from_object");
            Parts = document.Member("parts").Select(part => new PartBinding(part.Key, (JsonObject)part.Value)).ToList();
        }

        public string Name { get; }
        public string Asset { get; }
        public double[,] WorldFromObject { get; }
        public IReadOnlyList<PartBinding> Parts { get; }
    }

    /// <summary>Parallel light.</summary>
    public sealed class DirectionalLight
    {
        internal DirectionalLight(JsonObject document)
        {
            Direction = document.Numbers("direction");
            IlluminanceLux = document.Number("illuminance_lux");
            Color = document.Numbers("color");
        }

        /// <summary>In which the light travels, in the world frame.</summary>
        public double[] Direction { get; }
        public double IlluminanceLux { get; }

        /// <summary>Linear RGB of luminance 1.</summary>
        public double[] Color { get; }
    }

    /// <summary>The calibrated camera; OpenCV's axes.</summary>
    public sealed class Camera
    {
        internal Camera(JsonObject document)
        {
            WidthPx = (int)document.Integer("width_px");
            HeightPx = (int)document.Integer("height_px");
            K = document.Matrix("K");
            Distortion = document.Numbers("distortion");
            WorldFromCamera = document.Matrix("world_from_camera");
        }

        public int WidthPx { get; }
        public int HeightPx { get; }
        public double[,] K { get; }

        /// <summary>k1, k2, p1, p2, k3.</summary>
        public double[] Distortion { get; }
        public double[,] WorldFromCamera { get; }
    }

    /// <summary>What lens, sensor and the camera's own processing leave in a picture.</summary>
    public sealed class Sensor
    {
        internal Sensor(JsonObject document)
        {
            Monochrome = document.TryGet("monochrome", out object value) && (bool)value;
            VignettingStops = document.Number("vignetting_stops");
            DefocusSigmaPx = document.Number("defocus_sigma_px");
            MotionBlurPx = document.Number("motion_blur_px");
            MotionBlurAngleDeg = document.Number("motion_blur_angle_deg");
            FullWellElectrons = document.Number("full_well_electrons");
            IsoGain = document.Number("iso_gain");
            ReadNoiseElectrons = document.Number("read_noise_electrons");
            Contrast = document.Number("contrast");
            SharpeningAmount = document.Number("sharpening_amount");
            SharpeningSigmaPx = document.Number("sharpening_sigma_px");
            JpegQuality = (int)document.Integer("jpeg_quality");
        }

        public bool Monochrome { get; }
        public double VignettingStops { get; }
        public double DefocusSigmaPx { get; }
        public double MotionBlurPx { get; }
        public double MotionBlurAngleDeg { get; }
        public double FullWellElectrons { get; }

        /// <summary>0 is a sensor without noise.</summary>
        public double IsoGain { get; }
        public double ReadNoiseElectrons { get; }
        public double Contrast { get; }
        public double SharpeningAmount { get; }
        public double SharpeningSigmaPx { get; }

        /// <summary>100 leaves the picture as it is.</summary>
        public int JpegQuality { get; }
    }

    /// <summary>A file that the spec refers to.</summary>
    public sealed class Asset
    {
        public const string Model = "model/gltf-binary";
        public const string Texture = "image/png";
        public const string Radiance = "image/vnd.radiance";

        internal Asset(JsonObject document)
        {
            Digest = document.Text("digest");
            MediaType = document.Text("media_type");
        }

        public string Digest { get; }
        public string MediaType { get; }

        /// <summary>In the assets folder.</summary>
        public string FileName
        {
            get
            {
                string suffix = MediaType == Model ? ".glb" : MediaType == Texture ? ".png" : ".hdr";
                return Digest.Substring(Core.Digest.Prefix.Length) + suffix;
            }
        }
    }

    /// <summary>One frame, ready to render. <see cref="FrameSpecReader"/> makes it.</summary>
    public sealed class FrameSpec
    {
        internal FrameSpec(JsonObject document, string digest)
        {
            Document = document;
            Digest = digest;
            Camera = new Camera(document.Member("camera"));
            Ev100 = document.Member("exposure").Number("ev100");
            WhiteBalanceGains = document.Member("exposure").Numbers("white_balance_gains");
            Sensor = new Sensor(document.Member("sensor"));
            Labels = document.Objects("labels").Select(item => new Label(item)).ToList();
            Materials = document.Member("materials")
                .Select(material => new Material(material.Key, (JsonObject)material.Value)).ToList();
            Objects = document.Objects("objects").Select(item => new SceneObject(item)).ToList();
            Lights = document.Objects("lights").Select(item => new DirectionalLight(item)).ToList();
            JsonObject environment = document.Member("environment");
            EnvironmentImage = environment.Text("image");
            WorldFromEnvironment = environment.Matrix("world_from_environment");
            EnvironmentLuminanceCdM2 = environment.Number("luminance_cd_m2");
            SamplesPerPixel = document.Member("render").Integer("samples_per_pixel");
            Seed = document.Member("render").Integer("seed");
            Assets = document.Objects("assets").Select(item => new Asset(item)).ToList();
            MustAppear = document.Items("must_appear").Cast<string>().ToList();
        }

        /// <summary>With defaults; what the sidecar echoes is taken from here.</summary>
        public JsonObject Document { get; }

        /// <summary>Over the bytes received.</summary>
        public string Digest { get; }
        public Camera Camera { get; }
        public double Ev100 { get; }
        public double[] WhiteBalanceGains { get; }
        public Sensor Sensor { get; }
        public IReadOnlyList<Label> Labels { get; }
        public IReadOnlyList<Material> Materials { get; }
        public IReadOnlyList<SceneObject> Objects { get; }
        public IReadOnlyList<DirectionalLight> Lights { get; }
        public string EnvironmentImage { get; }
        public double[,] WorldFromEnvironment { get; }
        public double EnvironmentLuminanceCdM2 { get; }
        public long SamplesPerPixel { get; }
        public long Seed { get; }
        public IReadOnlyList<Asset> Assets { get; }
        public IReadOnlyList<string> MustAppear { get; }
    }
}
