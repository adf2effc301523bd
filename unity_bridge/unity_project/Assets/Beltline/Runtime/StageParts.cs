using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.HighDefinition;

namespace Beltline.Runtime
{
    /// <summary>
    /// What a scene must have for a player. Beltline.Editor puts it there; a build keeps it, and the shader variants that
    /// its materials ask for. Fields, because these are what Unity writes into a scene.
    /// </summary>
    public sealed class StageParts : MonoBehaviour
    {
        /// <summary>Layer of everything that the id pass draws.</summary>
        public const int LabelledLayer = 8;

        public Camera View;
        public Volume Volume;
        public CustomPassVolume Passes;

        /// <summary>Of HDRP Lit, to copy.</summary>
        public Material Opaque;

        /// <summary>A thin pane, to copy.</summary>
        public Material Glass;

        /// <summary>Opaque and shining, to copy.</summary>
        public Material Lamp;

        /// <summary>Of the id pass.</summary>
        public Material Ids;
    }
}
