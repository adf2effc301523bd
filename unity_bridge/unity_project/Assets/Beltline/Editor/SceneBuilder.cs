using Beltline.Runtime;
using UnityEditor;
using UnityEditor.SceneManagement;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.HighDefinition;

namespace Beltline.Editor
{
    /// <summary>
    /// Makes the player's scene. It is also the sample: played in the editor without a worker, it shows the frame of the
    /// self-test.
    /// </summary>
    public static class SceneBuilder
    {
        public const string ScenePath = GeneratedAssets.Folder + "/Player.unity";

        /// <summary>Settings that decide over pictures, and what they must be; all else is HDRP's default.</summary>
        static readonly FrameSettingsField[] Off =
        {
            // The core develops the picture; what would blur or shift it stays out.
            FrameSettingsField.Postprocess,
            FrameSettingsField.MotionVectors,
            // These remember earlier pictures, and a frame must not depend on those before it.
            FrameSettingsField.SSR,
            FrameSettingsField.SSGI,
        };

        [MenuItem("Beltline/Build scene")]
        public static void Build()
        {
            GeneratedAssets.Begin();
            GeneratedAssets.MakePipeline();
            var scene = EditorSceneManager.NewScene(NewSceneSetup.EmptyScene, NewSceneMode.Single);
            var root = new GameObject("Player");
            var parts = root.AddComponent<StageParts>();
            parts.View = MakeView();
            parts.Volume = new GameObject("Volume").AddComponent<Volume>();
            GeneratedAssets.MakeVolume(parts.Volume);
            parts.Passes = new GameObject("Passes").AddComponent<CustomPassVolume>();
            // No other camera, such as the editor's own, may draw into the ids.
            parts.Passes.targetCamera = parts.View;
            parts.Passes.injectionPoint = CustomPassInjectionPoint.BeforePostProcess;
            parts.Opaque = GeneratedAssets.MakeOpaque();
            parts.Glass = GeneratedAssets.MakeGlass();
            parts.Lamp = GeneratedAssets.MakeLamp();
            parts.Ids = GeneratedAssets.MakeIds();
            root.AddComponent<Player>().Parts = parts;
            AssetDatabase.SaveAssets();
            EditorSceneManager.SaveScene(scene, ScenePath);
            EditorBuildSettings.scenes = new[] { new EditorBuildSettingsScene(ScenePath, true) };
        }

        static Camera MakeView()
        {
            Camera view = new GameObject("View").AddComponent<Camera>();
            // The editor may have added it by itself, and there can be one only.
            HDAdditionalCameraData data = view.gameObject.GetComponent<HDAdditionalCameraData>();
            if (data == null)
                data = view.gameObject.AddComponent<HDAdditionalCameraData>();
            data.antialiasing = HDAdditionalCameraData.AntialiasingMode.None;
            data.customRenderingSettings = true;
            FrameSettings settings = data.renderingPathCustomFrameSettings;
            FrameSettingsOverrideMask mask = data.renderingPathCustomFrameSettingsOverrideMask;
            foreach (FrameSettingsField field in Off)
            {
                settings.SetEnabled(field, false);
                mask.mask[(uint)field] = true;
            }
            // The principal point of a calibrated camera is not in the middle.
            settings.SetEnabled(FrameSettingsField.AsymmetricProjection, true);
            mask.mask[(uint)FrameSettingsField.AsymmetricProjection] = true;
            data.renderingPathCustomFrameSettings = settings;
            data.renderingPathCustomFrameSettingsOverrideMask = mask;
            return view;
        }
    }
}
