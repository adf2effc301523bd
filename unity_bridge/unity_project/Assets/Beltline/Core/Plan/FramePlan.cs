using System;
using System.Collections.Generic;
using System.Linq;

namespace Beltline.Core
{
    /// <summary>What a renderer does to apply a spec, as a list of operations that know no engine.</summary>
    public sealed class FramePlan
    {
        /// <summary>CIE Y of linear Rec. 709 primaries (ITU-R BT.709-6, 3.2).</summary>
        static readonly double[] LuminanceWeights = { 0.2126, 0.7152, 0.0722 };

        /// <summary>Of a clear pane of refractive index 1.5 at normal incidence, reflections within it counted.</summary>
        const double PaneTransmittance = 1 - 2 * 0.04 / 1.04;
        const double SaturationConstant = 1.2;

        readonly FrameSpec spec;
        readonly List<Operation> operations = new List<Operation>();
        readonly HashSet<string> assets = new HashSet<string>(StringComparer.Ordinal);

        /// <exception cref="Fault"><c>unsupported</c>: the spec is valid and beyond this player.</exception>
        public FramePlan(FrameSpec spec)
        {
            this.spec = spec;
            Ids = new IdTable(spec);
            PlanMaterials();
            PlanObjects();
            PlanLight();
            operations.Add(new SetCamera(spec.Camera));
            operations.Add(new SetExposure
            {
                Ev100 = spec.Ev100,
                Scale = 1 / (SaturationConstant * Math.Pow(2, spec.Ev100)),
                WhiteBalanceGains = spec.WhiteBalanceGains,
            });
            operations.Add(new SetPalette { Colors = Palette() });
        }

        /// <summary>In the order in which they are to be carried out.</summary>
        public IReadOnlyList<Operation> Operations => operations;

        /// <summary>What the numbers of the id pass mean.</summary>
        public IdTable Ids { get; }

        void PlanMaterials()
        {
            var worn = new HashSet<string>(
                spec.Objects.SelectMany(item => item.Parts).Select(part => part.Material), StringComparer.Ordinal);
            foreach (Material material in spec.Materials.Where(material => worn.Contains(material.Name)))
            {
                if (material.BaseColorTexture != null)
                    PlanAsset(material.BaseColorTexture);
                operations.Add(Planned(material));
            }
        }

        static UseMaterial Planned(Material material)
        {
            // A lamp that is out is a plain surface.
            Surface surface = material.Model == "thin_glass" ? Surface.ThinGlass
                : material.Model == "emissive" && material.LuminanceCdM2 > 0 ? Surface.Lamp : Surface.Opaque;
            double[] color = material.BaseColor;
            double luminance = color.Zip(LuminanceWeights, (value, weight) => value * weight).Sum();
            double emission = surface == Surface.Lamp ? material.LuminanceCdM2 / luminance : 0;
            return new UseMaterial
            {
                Name = material.Name,
                Surface = surface,
                Color = surface == Surface.ThinGlass
                    ? color.Select(value => Math.Min(value / PaneTransmittance, 1)).ToArray() : color,
                Texture = material.BaseColorTexture,
                TextureScale = material.TextureScale,
                Metallic = material.Metallic,
                Smoothness = 1 - material.Roughness,
                Clearcoat = material.Clearcoat,
                Sheen = material.Sheen,
                EmissionCdM2 = color.Select(value => value * emission).ToArray(),
            };
        }

        void PlanObjects()
        {
            int row = 0;
            for (int index = 0; index < spec.Objects.Count; index++)
            {
                SceneObject item = spec.Objects[index];
                PlanAsset(item.Asset);
                var parts = new List<PlacedPart>();
                foreach (PartBinding part in item.Parts)
                    parts.Add(new PlacedPart
                    {
                        Part = part.Part,
                        Material = part.Material,
                        Row = ++row,
                        SeeThrough = part.SeeThrough,
                        Field = "objects." + index + ".parts." + part.Part,
                    });
                operations.Add(new PlaceObject
                {
                    Name = item.Name,
                    Asset = item.Asset,
                    Pose = Axes.Pose(item.WorldFromObject),
                    Parts = parts,
                });
            }
        }

        void PlanLight()
        {
            foreach (DirectionalLight light in spec.Lights.Where(light => light.IlluminanceLux > 0))
                operations.Add(new ShineLight
                {
                    Direction = Axes.Vector(light.Direction),
                    IlluminanceLux = light.Color.Select(value => value * light.IlluminanceLux).ToArray(),
                });
            PlanAsset(spec.EnvironmentImage);
            operations.Add(new SetEnvironment
            {
                Image = spec.EnvironmentImage,
                Pose = Axes.Pose(Similarity.Pose(spec.WorldFromEnvironment)),
                LuminanceCdM2 = spec.EnvironmentLuminanceCdM2,
            });
        }

        void PlanAsset(string digest)
        {
            if (!assets.Add(digest))
                return;
            int index = 0;
            while (spec.Assets[index].Digest != digest)
                index++;
            operations.Add(new UseAsset
            {
                Digest = digest,
                FileName = spec.Assets[index].FileName,
                Field = "assets." + index,
            });
        }

        byte[] Palette()
        {
            var colors = new byte[256 * 3];
            for (int channel = 0; channel < 3; channel++)
                colors[IdTable.Ignore * 3 + channel] = 255;
            foreach (Label label in spec.Labels)
                label.Color.CopyTo(colors, label.Id * 3);
            return colors;
        }
    }
}
