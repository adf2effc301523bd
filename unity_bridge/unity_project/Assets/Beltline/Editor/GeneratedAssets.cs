using System;
using System.IO;
using UnityEditor;
using UnityEngine;
using UnityEngine.Experimental.Rendering;
using UnityEngine.Rendering;
using UnityEngine.Rendering.HighDefinition;
using Object = UnityEngine.Object;

namespace Beltline.Editor
{
    /// <summary>Assets that a player needs, made anew by code: nothing of them is kept in the repository.</summary>
    static class GeneratedAssets
    {
        public const string Folder = "Assets/Beltline/Generated";
        const string LitShader = "HDRP/Lit";
        const string IdShader = "Beltline/Ids";

        /// <summary>HDRP Lit's number of the model of a thin pane.</summary>
        const float ThinRefraction = 3;

        const float ShadowDistanceM = 100;
        const float AmbientOcclusion = 1;
        const float Priority = 1000;

        /// <summary>An empty folder for them.</summary>
        public static void Begin()
        {
            AssetDatabase.DeleteAsset(Folder);
            Directory.CreateDirectory(Folder);
            AssetDatabase.Refresh();
        }

        /// <summary>HDRP with a picture buffer of 16 bits a channel, made the project's pipeline.</summary>
        public static void MakePipeline()
        {
            var pipeline = Kept(ScriptableObject.CreateInstance<HDRenderPipelineAsset>(), "Pipeline.asset");
            // HDRP's default buffer has six bits of mantissa, which would show as bands in the sky.
            var settings = new SerializedObject(pipeline);
            Property(settings, "m_RenderPipelineSettings.colorBufferFormat").intValue = (int)GraphicsFormat.R16G16B16A16_SFloat;
            Property(settings, "m_RenderPipelineSettings.supportCustomPass").boolValue = true;
            settings.ApplyModifiedPropertiesWithoutUndo();
            GraphicsSettings.defaultRenderPipeline = pipeline;
        }

        /// <summary>Sky from an image, fixed exposure, shadows; the rest of HDRP's effects stay off.</summary>
        public static void MakeVolume(Volume volume)
        {
            VolumeProfile profile = Kept(ScriptableObject.CreateInstance<VolumeProfile>(), "Profile.asset");
            var visual = Added<VisualEnvironment>(profile);
            visual.skyType.Override((int)SkyType.HDRI);
            visual.skyAmbientMode.Override(SkyAmbientMode.Dynamic);
            Added<HDRISky>(profile);
            Added<Exposure>(profile).mode.Override(ExposureMode.Fixed);
            Added<HDShadowSettings>(profile).maxShadowDistance.Override(ShadowDistanceM);
            Added<ScreenSpaceAmbientOcclusion>(profile).intensity.Override(AmbientOcclusion);
            volume.isGlobal = true;
            volume.priority = Priority;
            volume.sharedProfile = profile;
        }

        public static Material MakeOpaque() => Kept(Lit(), "Opaque.mat");

        public static Material MakeLamp()
        {
            Material lamp = Lit();
            // Physical: what it shines is in cd/m2, whatever the exposure and its own colour.
            lamp.SetFloat("_UseEmissiveIntensity", 0);
            lamp.SetFloat("_EmissiveExposureWeight", 1);
            lamp.SetFloat("_AlbedoAffectEmissive", 0);
            HDMaterial.ValidateMaterial(lamp);
            return Kept(lamp, "Lamp.mat");
        }

        public static Material MakeGlass()
        {
            Material glass = Lit();
            HDMaterial.SetSurfaceType(glass, true);
            glass.SetFloat("_RefractionModel", ThinRefraction);
            glass.SetFloat("_CoatMask", 0);
            // Nothing of the pane itself: what is behind it, times its colour, and reflections.
            glass.SetColor("_BaseColor", new Color(1, 1, 1, 0));
            HDMaterial.ValidateMaterial(glass);
            return Kept(glass, "Glass.mat");
        }

        public static Material MakeIds() => Kept(new Material(Found(IdShader)), "Ids.mat");

        /// <summary>A surface with two sides and a coat, whose strength each frame sets: keywords are decided here.</summary>
        static Material Lit()
        {
            var material = new Material(Found(LitShader));
            material.SetFloat("_DoubleSidedEnable", 1);
            material.SetFloat("_CoatMask", 1);
            HDMaterial.ValidateMaterial(material);
            return material;
        }

        static Shader Found(string name)
        {
            Shader shader = Shader.Find(name);
            if (shader == null)
                throw new InvalidOperationException("there is no shader " + name + "; have the packages been imported?");
            return shader;
        }

        static SerializedProperty Property(SerializedObject settings, string path)
        {
            SerializedProperty property = settings.FindProperty(path);
            if (property == null)
                throw new InvalidOperationException("HDRP's asset has no " + path + "; is this HDRP 17.3?");
            return property;
        }

        static T Added<T>(VolumeProfile profile) where T : VolumeComponent
        {
            T component = profile.Add<T>(false);
            AssetDatabase.AddObjectToAsset(component, profile);
            return component;
        }

        static T Kept<T>(T asset, string name) where T : Object
        {
            AssetDatabase.CreateAsset(asset, Folder + "/" + name);
            return asset;
        }
    }
}
