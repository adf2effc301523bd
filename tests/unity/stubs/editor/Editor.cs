// Signatures of the Unity 6000.3 editor that the build uses.
using System;
using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.SceneManagement;

namespace UnityEditor
{
    [Page("engine", "MenuItem")]
    public sealed class MenuItem : Attribute
    {
        [Page("engine", "MenuItem-ctor")]
        public MenuItem(string itemName) { }
    }

    [Page("engine", "AssetDatabase")]
    public static class AssetDatabase
    {
        [Page("engine", "AssetDatabase.CreateAsset")]
        public static void CreateAsset(UnityEngine.Object asset, string path) { }

        [Page("engine", "AssetDatabase.AddObjectToAsset")]
        public static void AddObjectToAsset(UnityEngine.Object objectToAdd, UnityEngine.Object assetObject) { }

        [Page("engine", "AssetDatabase.DeleteAsset")]
        public static bool DeleteAsset(string path) => false;

        [Page("engine", "AssetDatabase.Refresh")]
        public static void Refresh() { }

        [Page("engine", "AssetDatabase.SaveAssets")]
        public static void SaveAssets() { }
    }

    [Page("engine", "SerializedObject")]
    public class SerializedObject
    {
        [Page("engine", "SerializedObject-ctor")]
        public SerializedObject(UnityEngine.Object obj) { }

        [Page("engine", "SerializedObject.FindProperty")]
        public SerializedProperty FindProperty(string propertyPath) => null;

        [Page("engine", "SerializedObject.ApplyModifiedPropertiesWithoutUndo")]
        public bool ApplyModifiedPropertiesWithoutUndo() => false;
    }

    [Page("engine", "SerializedProperty")]
    public class SerializedProperty
    {
        [Page("engine", "SerializedProperty-intValue")]
        public int intValue { set { } }

        [Page("engine", "SerializedProperty-boolValue")]
        public bool boolValue { set { } }
    }

    [Page("engine", "EditorBuildSettings")]
    public class EditorBuildSettings
    {
        [Page("engine", "EditorBuildSettings-scenes")]
        public static EditorBuildSettingsScene[] scenes { set { } }
    }

    [Page("engine", "EditorBuildSettingsScene")]
    public class EditorBuildSettingsScene
    {
        [Page("engine", "EditorBuildSettingsScene")]
        public EditorBuildSettingsScene(string path, bool enabled) { }
    }

    [Page("engine", "PlayerSettings")]
    public sealed class PlayerSettings
    {
        [Page("engine", "PlayerSettings.SetUseDefaultGraphicsAPIs")]
        public static void SetUseDefaultGraphicsAPIs(BuildTarget platform, bool automatic) { }

        [Page("engine", "PlayerSettings.SetGraphicsAPIs")]
        public static void SetGraphicsAPIs(BuildTarget platform, GraphicsDeviceType[] apis) { }
    }

    [Page("engine", "BuildTarget")]
    public enum BuildTarget { StandaloneLinux64 = 24 }

    [Page("engine", "BuildTargetGroup")]
    public enum BuildTargetGroup { Standalone = 1 }

    [Page("engine", "BuildPlayerOptions")]
    public struct BuildPlayerOptions
    {
        [Page("engine", "BuildPlayerOptions-scenes")]
        public string[] scenes { set { } }

        [Page("engine", "BuildPlayerOptions-locationPathName")]
        public string locationPathName { get; set; }

        [Page("engine", "BuildPlayerOptions-target")]
        public BuildTarget target { set { } }

        [Page("engine", "BuildPlayerOptions-targetGroup")]
        public BuildTargetGroup targetGroup { set { } }
    }

    [Page("engine", "BuildPipeline")]
    public class BuildPipeline
    {
        [Page("engine", "BuildPipeline.BuildPlayer")]
        public static Build.Reporting.BuildReport BuildPlayer(BuildPlayerOptions buildPlayerOptions) => null;
    }
}

namespace UnityEditor.Build.Reporting
{
    [Page("engine", "Build.Reporting.BuildReport")]
    public sealed class BuildReport
    {
        [Page("engine", "Build.Reporting.BuildReport-summary")]
        public BuildSummary summary => default(BuildSummary);
    }

    [Page("engine", "Build.Reporting.BuildSummary")]
    public struct BuildSummary
    {
        [Page("engine", "Build.Reporting.BuildSummary-result")]
        public BuildResult result => default(BuildResult);
    }

    [Page("engine", "Build.Reporting.BuildResult")]
    public enum BuildResult { Succeeded = 1 }
}

namespace UnityEditor.SceneManagement
{
    [Page("engine", "SceneManagement.NewSceneSetup")]
    public enum NewSceneSetup { EmptyScene = 0 }

    [Page("engine", "SceneManagement.NewSceneMode")]
    public enum NewSceneMode { Single = 0 }

    [Page("engine", "SceneManagement.EditorSceneManager")]
    public sealed class EditorSceneManager
    {
        [Page("engine", "SceneManagement.EditorSceneManager.NewScene")]
        public static Scene NewScene(NewSceneSetup setup, NewSceneMode mode) => default(Scene);

        [Page("engine", "SceneManagement.EditorSceneManager.SaveScene")]
        public static bool SaveScene(Scene scene, string dstScenePath) => false;
    }
}
