using System.Collections.Generic;
using Beltline.Core;
using UnityEngine;
using Material = UnityEngine.Material;

namespace Beltline.Runtime
{
    /// <summary>
    /// Surfaces as HDRP's Lit shader has them, on materials that are used again for every frame. Lit has no sheen: cloth is
    /// a rough surface here.
    /// </summary>
    sealed class LitMaterials
    {
        static readonly int BaseColor = Shader.PropertyToID("_BaseColor");
        static readonly int BaseColorMap = Shader.PropertyToID("_BaseColorMap");
        static readonly int Metallic = Shader.PropertyToID("_Metallic");
        static readonly int Smoothness = Shader.PropertyToID("_Smoothness");
        static readonly int CoatMask = Shader.PropertyToID("_CoatMask");
        static readonly int EmissiveColor = Shader.PropertyToID("_EmissiveColor");
        static readonly int TransmittanceColor = Shader.PropertyToID("_TransmittanceColor");

        readonly Pool<Material> opaque;
        readonly Pool<Material> glass;
        readonly Pool<Material> lamps;
        readonly Dictionary<string, Material> named = new Dictionary<string, Material>();

        public LitMaterials(StageParts parts)
        {
            opaque = new Pool<Material>(() => new Material(parts.Opaque));
            glass = new Pool<Material>(() => new Material(parts.Glass));
            lamps = new Pool<Material>(() => new Material(parts.Lamp));
        }

        public Material this[string name] => named[name];

        public void Clear()
        {
            named.Clear();
            opaque.ReturnAll();
            glass.ReturnAll();
            lamps.ReturnAll();
        }

        /// <param name="texture">Or null.</param>
        public void Use(UseMaterial surface, Texture texture)
        {
            Material material;
            if (surface.Surface == Surface.ThinGlass)
            {
                material = glass.Rent();
                material.SetColor(TransmittanceColor, Encoded(surface.Color));
            }
            else
            {
                material = surface.Surface == Surface.Lamp ? lamps.Rent() : opaque.Rent();
                material.SetColor(BaseColor, Encoded(surface.Color));
                material.SetTexture(BaseColorMap, texture);
                float across = (float)surface.TextureScale[0], down = (float)surface.TextureScale[1];
                material.SetTextureScale(BaseColorMap, new Vector2(across, down));
                // The importer turns v around, since Unity counts from the lower edge; repeats start at the upper one.
                material.SetTextureOffset(BaseColorMap, new Vector2(0, 1 - down));
                material.SetFloat(Metallic, (float)surface.Metallic);
                material.SetFloat(CoatMask, (float)surface.Clearcoat);
            }
            material.SetFloat(Smoothness, (float)surface.Smoothness);
            if (surface.Surface == Surface.Lamp)
                material.SetColor(EmissiveColor, Linear(surface.EmissionCdM2));
            named[surface.Name] = material;
        }

        /// <summary>Of a property that HDRP takes as it is: an HDR colour.</summary>
        static Color Linear(double[] rgb) => new Color((float)rgb[0], (float)rgb[1], (float)rgb[2], 1);

        /// <summary>Of a property that Unity decodes from sRGB on the way to the shader.</summary>
        static Color Encoded(double[] rgb) => Linear(rgb).gamma;
    }
}
