namespace Beltline.Core
{
    /// <summary>
    /// How many pictures are thrown away before one is kept. The first ones of a process may be blank, light from a new
    /// environment comes after it has been filtered, and shadows and buffers of the last camera take a picture to go.
    /// </summary>
    public sealed class WarmUp
    {
        public const int FirstFrames = 16;
        public const int EnvironmentFrames = 8;
        public const int CutFrames = 2;

        SetEnvironment last;

        /// <summary>For the frame that follows the ones asked for before.</summary>
        public int Frames(SetEnvironment environment)
        {
            SetEnvironment before = last;
            last = environment;
            if (before == null)
                return FirstFrames;
            bool same = before.Image == environment.Image && before.LuminanceCdM2 == environment.LuminanceCdM2;
            for (int index = 0; index < 4; index++)
                same = same && before.Pose.Rotation[index] == environment.Pose.Rotation[index];
            return same ? CutFrames : EnvironmentFrames;
        }
    }
}
