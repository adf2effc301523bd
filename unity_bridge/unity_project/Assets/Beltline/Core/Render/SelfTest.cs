using System;
using System.Linq;
using System.Threading.Tasks;

namespace Beltline.Core
{
    /// <summary>A pixel of the self-test of which is known what it shows.</summary>
    sealed class SelfTestProbe
    {
        public SelfTestProbe(int column, int line, uint row, double depthM)
        {
            Column = column;
            Line = line;
            Row = row;
            DepthM = depthM;
        }

        public int Column { get; }
        public int Line { get; }
        public uint Row { get; }
        public double DepthM { get; }
    }

    /// <summary>
    /// Renders two boxes before a worker is met, and says in plain words what is wrong with an engine that draws them
    /// otherwise: a wrong build is found in a second, not after a batch.
    /// </summary>
    public static class SelfTest
    {
        const double DepthTolerance = 0.01;
        const double FractionTolerance = 0.1;

        /// <summary>In 8-bit steps: light within about a twentieth.</summary>
        const int LightTolerance = 6;

        /// <exception cref="Fault"><c>internal</c>; the message is for people.</exception>
        public static async Task Run(StagedRenderer renderer)
        {
            FrameSpec spec = FrameSpecReader.Read(SelfTestFrame.Spec);
            var plan = new FramePlan(spec);
            FrameImages images = await renderer.Images(
                spec, plan, asset => Convert.FromBase64String(SelfTestFrame.Files[asset.FileName]));
            string fault = Ids(spec.Camera, images) ?? Picture(spec, plan, images);
            if (fault != null)
                throw new Fault(FaultCode.Internal, "", "the self-test fails: " + fault);
        }

        static string Ids(Camera camera, FrameImages images)
        {
            if (images.Rows.All(row => row == 0))
                return "the id pass drew nothing; is the custom pass in the scene, and does its shader get the renderers' values?";
            foreach (SelfTestProbe probe in SelfTestFrame.Probes)
            {
                uint found = images.Rows[Place(camera, probe.Column, probe.Line)];
                string pixel = "pixel (" + probe.Column + ", " + probe.Line + ") of the id pass holds " + found + " and not " + probe.Row;
                if (found == probe.Row)
                    continue;
                if (images.Rows[Place(camera, probe.Column, camera.HeightPx - 1 - probe.Line)] == probe.Row)
                    return pixel + ": it is upside down";
                if (images.Rows[Place(camera, camera.WidthPx - 1 - probe.Column, probe.Line)] == probe.Row)
                    return pixel + ": it is mirrored";
                return pixel;
            }
            foreach (SelfTestProbe probe in SelfTestFrame.Probes)
            {
                double depthM = images.DepthMm[Place(camera, probe.Column, probe.Line)] / 1000.0;
                if (!(Math.Abs(depthM / probe.DepthM - 1) <= DepthTolerance))
                    return "box " + probe.Row + " is " + depthM + " m away and not " + probe.DepthM + " m";
            }
            long visible = images.Rows.LongCount(row => row == 1);
            images.Covered.TryGetValue(1, out long covered);
            if (!(Math.Abs((double)visible / covered - SelfTestFrame.VisibleFraction) <= FractionTolerance))
                return visible + " of " + covered + " pixels of the box behind show, and not " + SelfTestFrame.VisibleFraction
                    + " of them: is each instance drawn without the others?";
            return null;
        }

        static string Picture(FrameSpec spec, FramePlan plan, FrameImages images)
        {
            Camera camera = spec.Camera;
            if (images.Rgb.All(value => value == images.Rgb[0]))
                return "the picture is blank; was the player started with -nographics, or without a graphics card?";
            foreach (SelfTestProbe probe in SelfTestFrame.Probes)
            {
                // The boxes are red and green, in the order of their rows.
                int wanted = (int)probe.Row - 1;
                if (IsBrightest(images, Place(camera, probe.Column, probe.Line), wanted))
                    continue;
                bool turned = IsBrightest(images, Place(camera, probe.Column, camera.HeightPx - 1 - probe.Line), wanted);
                return "the picture does not show box " + probe.Row + " where the ids do" + (turned ? ": it is upside down" : "");
            }
            double scale = plan.Operations.OfType<SetExposure>().Single().Scale;
            int sky = images.Rgb[Place(camera, camera.WidthPx - 1, 0) * 3];
            int expected = Development.Picture(new[] { (float)(SelfTestFrame.SkyCdM2 * scale) }, spec.WhiteBalanceGains)[0];
            if (Math.Abs(sky - expected) > LightTolerance)
                return "a sky of " + SelfTestFrame.SkyCdM2 + " cd/m2 comes out as " + sky + " and not as " + expected
                    + ": exposure or the sky's intensity is off";
            return null;
        }

        static bool IsBrightest(FrameImages images, int pixel, int channel)
        {
            return Enumerable.Range(0, 3).All(
                other => other == channel || images.Rgb[3 * pixel + other] + LightTolerance < images.Rgb[3 * pixel + channel]);
        }

        static int Place(Camera camera, int column, int line) => line * camera.WidthPx + column;
    }
}
