using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;

namespace Beltline.Core
{
    /// <summary>An asset in the form that an engine draws it in.</summary>
    public interface IStageAsset : IDisposable
    {
        /// <summary>Memory that it holds.</summary>
        long SizeBytes { get; }
    }

    /// <summary>A model whose parts can be drawn.</summary>
    public interface IStageModel : IStageAsset
    {
        bool Has(string part);
    }

    /// <summary>What an engine does for <see cref="StagedRenderer"/>, one frame after another.</summary>
    public interface IStage
    {
        PlayerIdentity Identity { get; }

        /// <summary>What renders, for people.</summary>
        string Device { get; }

        /// <exception cref="InvalidDataException">The bytes are no model that it can draw.</exception>
        Task<IStageModel> LoadModel(byte[] data, GlbDocument document);

        /// <exception cref="InvalidDataException">The bytes are no image.</exception>
        IStageAsset LoadTexture(byte[] data);

        IStageAsset LoadEnvironment(CubeImage image);

        /// <summary>Takes away what the last frame has put up.</summary>
        void Clear();

        /// <param name="texture">To multiply its colour with, or null.</param>
        void Use(UseMaterial material, IStageAsset texture);

        void Place(PlaceObject item, IStageModel model);

        void Shine(ShineLight light);

        void Surround(SetEnvironment environment, IStageAsset image);

        void Look(SetCamera camera);

        void Expose(SetExposure exposure);

        /// <summary>Draws what has been put up.</summary>
        /// <param name="warmUpFrames">Pictures to throw away first, until light and shadows have settled.</param>
        /// <param name="ids">Of the parts, to draw every instance without the others too.</param>
        Task<StageView> Capture(int warmUpFrames, IdTable ids);
    }

    /// <summary>What an engine has drawn through a pinhole. Rows from the top, unless they are said to be from the bottom.</summary>
    public sealed class StageView
    {
        /// <summary>Of ids and depth.</summary>
        public int WidthPx { get; set; }
        public int HeightPx { get; set; }

        /// <summary>Pixels of the picture along each side of one of the ids.</summary>
        public int Supersampling { get; set; }

        /// <summary>Linear red, green, blue and something else, in units of what saturates the sensor.</summary>
        public float[] Rgba { get; set; }

        /// <summary>Rows of the <see cref="IdTable"/>.</summary>
        public uint[] Rows { get; set; }

        /// <summary>Metres along the optical axis; 0 where there is nothing.</summary>
        public float[] DepthM { get; set; }

        /// <summary>For each instance an image that is not 0 where it would show with nothing before it.</summary>
        public IReadOnlyDictionary<ushort, byte[]> Coverage { get; set; }

        /// <summary>Whether the first row of every image is its lowest, as in a texture of OpenGL.</summary>
        public bool FromBottom { get; set; }
    }
}
