using System;
using System.Collections.Generic;
using System.Linq;

namespace Beltline.Core
{
    /// <summary>What a schema can't say, in the order in which the embedded player checks it.</summary>
    static class SpecChecks
    {
        const double OrthogonalityTolerance = 1e-4;
        const double UnitLengthTolerance = 1e-3;
        const long MaximumSamples = 1L << 32;

        public static void Check(FrameSpec spec)
        {
            CheckLabels(spec);
            CheckReferences(spec);
            CheckCamera(spec.Camera);
            CheckMaterials(spec);
            CheckObjects(spec);
            CheckLights(spec);
            if (spec.Camera.WidthPx * (long)spec.Camera.HeightPx * spec.SamplesPerPixel > MaximumSamples)
                throw new Fault(FaultCode.Unsupported, "render.samples_per_pixel", "more than 2^32 paths in one frame");
        }

        static Fault Invalid(string field, string problem) => new Fault(FaultCode.InvalidSpec, field, problem);

        static void CheckLabels(FrameSpec spec)
        {
            if (spec.Labels[0].Id != IdTable.Background || spec.Labels[0].Name != "background")
                throw Invalid("labels.0", "the first label is background with id 0");
            bool unique = spec.Labels.Select(label => label.Name).Distinct().Count() == spec.Labels.Count
                && spec.Labels.Select(label => label.Id).Distinct().Count() == spec.Labels.Count;
            if (!unique)
                throw Invalid("labels", "names and ids must be unique");
            if (spec.Objects.Select(item => item.Name).Distinct().Count() < spec.Objects.Count)
                throw Invalid("objects", "names must be unique");
        }

        static void CheckReferences(FrameSpec spec)
        {
            var media = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (Asset asset in spec.Assets)
                media[asset.Digest] = asset.MediaType;
            var materials = new HashSet<string>(spec.Materials.Select(material => material.Name), StringComparer.Ordinal);
            var labels = new HashSet<string>(spec.Labels.Select(label => label.Name), StringComparer.Ordinal);
            for (int index = 0; index < spec.Objects.Count; index++)
                if (!Is(media, spec.Objects[index].Asset, Asset.Model))
                    throw Invalid("objects." + index + ".asset", "no GLB asset " + spec.Objects[index].Asset);
            for (int index = 0; index < spec.Objects.Count; index++)
                foreach (PartBinding part in spec.Objects[index].Parts)
                {
                    string place = "objects." + index + ".parts." + part.Part;
                    if (!materials.Contains(part.Material))
                        throw Invalid(place + ".material", "no material '" + part.Material + "'");
                    if (part.Label != null && !labels.Contains(part.Label))
                        throw Invalid(place + ".label", "no label '" + part.Label + "'");
                }
            foreach (Material material in spec.Materials)
                if (material.BaseColorTexture != null && !Is(media, material.BaseColorTexture, Asset.Texture))
                    throw Invalid(
                        "materials." + material.Name + ".base_color_texture", "no PNG asset " + material.BaseColorTexture);
            if (!Is(media, spec.EnvironmentImage, Asset.Radiance))
                throw Invalid("environment.image", "no HDR asset " + spec.EnvironmentImage);
            string missing = spec.MustAppear.FirstOrDefault(name => !labels.Contains(name));
            if (missing != null)
                throw Invalid("must_appear", "no label '" + missing + "'");
        }

        static bool Is(Dictionary<string, string> media, string digest, string mediaType)
        {
            return media.TryGetValue(digest, out string found) && found == mediaType;
        }

        static void CheckCamera(Camera camera)
        {
            if (!IsRigid(camera.WorldFromCamera))
                throw Invalid("camera.world_from_camera", "not a rotation and a translation");
            Lens.Check(camera);
        }

        static void CheckMaterials(FrameSpec spec)
        {
            foreach (Material material in spec.Materials)
            {
                string place = "materials." + material.Name;
                if (material.BaseColorTexture != null && material.Model != "surface")
                    throw new Fault(
                        FaultCode.Unsupported,
                        place + ".base_color_texture",
                        "textures on " + material.Model + " are not supported");
                if (material.Model == "emissive" && material.LuminanceCdM2 > 0 && material.BaseColor.Max() == 0)
                    throw Invalid(place + ".base_color", "a black material can't shine in its colour");
            }
        }

        static void CheckObjects(FrameSpec spec)
        {
            for (int index = 0; index < spec.Objects.Count; index++)
            {
                SceneObject item = spec.Objects[index];
                if (Similarity.Scale(item.WorldFromObject, OrthogonalityTolerance) == null)
                    throw Invalid(
                        "objects." + index + ".world_from_object", "not a rotation, a uniform scale and a translation");
                PartBinding nameless = item.Parts.FirstOrDefault(part => part.Instance > 0 && part.Label == null);
                if (nameless != null)
                    throw Invalid(
                        "objects." + index + ".parts." + nameless.Part + ".instance",
                        "an instance needs a label to be listed by");
            }
        }

        static void CheckLights(FrameSpec spec)
        {
            for (int index = 0; index < spec.Lights.Count; index++)
            {
                double[] direction = spec.Lights[index].Direction;
                double length = Math.Sqrt(direction.Sum(value => value * value));
                if (!(Math.Abs(length - 1) <= UnitLengthTolerance))
                    throw Invalid("lights." + index + ".direction", "not a unit vector");
            }
            if (!IsRigid(Similarity.Pose(spec.WorldFromEnvironment)))
                throw Invalid("environment.world_from_environment", "not a rotation");
        }

        static bool IsRigid(double[,] pose)
        {
            double? scale = Similarity.Scale(pose, OrthogonalityTolerance);
            return scale != null && Math.Abs(scale.Value - 1) <= OrthogonalityTolerance;
        }
    }
}
