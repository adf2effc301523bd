using UnityEngine;
using UnityEngine.Rendering;
using UnityEngine.Rendering.HighDefinition;

namespace Beltline.Runtime
{
    /// <summary>
    /// What a scene must have for a player. Beltline.Editor puts it there; a build keeps it, and the shader variants that
    /// its materials ask for.
    /// </summary>
    public sealed class StageParts : MonoBehaviour
    {
        /// <summary>Layer of everything that the id pass draws.</summary>
        public const int LabelledLayer = 8;

        [SerializeField] Camera view;
        [SerializeField] Volume volume;
        [SerializeField] CustomPassVolume passes;
        [SerializeField] Material opaque;
        [SerializeField] Material glass;
        [SerializeField] Material lamp;
        [SerializeField] Material ids;

        public Camera View
        {
            get => view;
            set => view = value;
        }

        public Volume Volume
        {
            get => volume;
            set => volume = value;
        }

        public CustomPassVolume Passes
        {
            get => passes;
            set => passes = value;
        }

        /// <summary>Of HDRP Lit, to copy.</summary>
        public Material Opaque
        {
            get => opaque;
            set => opaque = value;
        }

        /// <summary>A thin pane, to copy.</summary>
        public Material Glass
        {
            get => glass;
            set => glass = value;
        }

        /// <summary>Opaque and shining, to copy.</summary>
        public Material Lamp
        {
            get => lamp;
            set => lamp = value;
        }

        /// <summary>Of the id pass.</summary>
        public Material Ids
        {
            get => ids;
            set => ids = value;
        }
    }
}
