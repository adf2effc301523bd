using System;
using UnityEditor;
using UnityEditor.Build.Reporting;
using UnityEngine;
using UnityEngine.Rendering;

namespace Beltline.Editor
{
    /// <summary>
    /// Builds the player for Linux: <c>-executeMethod Beltline.Editor.PlayerBuild.Build -beltlineOutput Beltline.x86_64</c>.
    /// </summary>
    public static class PlayerBuild
    {
        const string OutputArgument = "-beltlineOutput";
        const string DefaultOutput = "Builds/Beltline.x86_64";

        [MenuItem("Beltline/Build player")]
        public static void Build()
        {
            SceneBuilder.Build();
            // HDRP has no OpenGL, and a headless build of Unity has no ML-Agents.
            PlayerSettings.SetUseDefaultGraphicsAPIs(BuildTarget.StandaloneLinux64, false);
            PlayerSettings.SetGraphicsAPIs(BuildTarget.StandaloneLinux64, new[] { GraphicsDeviceType.Vulkan });
            var options = new BuildPlayerOptions
            {
                scenes = new[] { SceneBuilder.ScenePath },
                locationPathName = Output(),
                target = BuildTarget.StandaloneLinux64,
                targetGroup = BuildTargetGroup.Standalone,
            };
            BuildReport report = BuildPipeline.BuildPlayer(options);
            // An exception ends the editor in batch mode with exit code 1.
            if (report.summary.result != BuildResult.Succeeded)
                throw new InvalidOperationException("the build ended as " + report.summary.result + "; the log above says why");
            Debug.Log("built " + options.locationPathName);
        }

        static string Output()
        {
            string[] arguments = Environment.GetCommandLineArgs();
            int place = Array.IndexOf(arguments, OutputArgument);
            return place < 0 || place + 1 >= arguments.Length ? DefaultOutput : arguments[place + 1];
        }
    }
}
