using System;
using System.Threading.Tasks;
using Beltline.Core;
using Unity.MLAgents;
using Unity.MLAgents.SideChannels;
using UnityEngine;

namespace Beltline.Runtime
{
    /// <summary>
    /// The player: tests itself, meets the worker, then serves its requests one exchange after another until it is told
    /// to quit. Without a worker, as in the editor, it leaves the frame of the self-test on the screen.
    /// </summary>
    public sealed class Player : MonoBehaviour
    {
        const string BundleArgument = "-beltlineBundles";
        const float FrameS = 1f / 30;
        const int Failed = 1;

        /// <summary>Put there by Beltline.Editor; a field, because that is what Unity writes into a scene.</summary>
        public StageParts Parts;

        readonly RequestChannel channel = new RequestChannel();
        bool over;

        void Awake()
        {
            // Before the academy, which fetches the first input as soon as anyone asks for it.
            SideChannelManager.RegisterSideChannel(channel);
            if (ParentWatch.HasWorker)
                ParentWatch.Start();
            Application.quitting += () => over = true;
            Application.runInBackground = true;
            Application.targetFrameRate = -1;
            QualitySettings.vSyncCount = 0;
            // Time passes by pictures and not by the clock, and nothing falls meanwhile.
            Time.captureDeltaTime = FrameS;
            Physics.simulationMode = SimulationMode.Script;
        }

        async void Start()
        {
            try
            {
                await Serve();
            }
            catch (Exception error)
            {
                // Nobody awaits this method: what it throws would be lost.
                Debug.LogException(error);
                Application.Quit(Failed);
            }
        }

        void OnDestroy() => SideChannelManager.UnregisterSideChannel(channel);

        async Task Serve()
        {
            var stage = new HdrpStage(Parts, Argument(BundleArgument));
            var renderer = new StagedRenderer(stage);
            await SelfTest.Run(renderer);
            Debug.Log("the self-test has passed on " + renderer.Device);
            // Waits for the worker's reset.
            Academy academy = Academy.Instance;
            academy.AutomaticSteppingEnabled = false;
            if (!academy.IsCommunicatorOn)
            {
                Debug.Log("there is no worker; this is the frame of the self-test");
                stage.Show();
                return;
            }
            TickAgent agent = TickAgent.Make(transform);
            channel.Send(PlayerMessages.Hello(renderer.Identity, renderer.Device));
            while (!over)
            {
                // Goes out with what is queued, and comes back with what the worker wants next.
                agent.RequestDecision();
                academy.EnvironmentStep();
                for (byte[] payload = channel.Take(); payload != null; payload = channel.Take())
                    channel.Send(await RequestAnswers.Answer(renderer, payload));
                // Told to quit, or left alone, the package asks the application to end, which it does between frames.
                await Task.Yield();
            }
        }

        static string Argument(string name)
        {
            string[] arguments = Environment.GetCommandLineArgs();
            int place = Array.IndexOf(arguments, name);
            return place < 0 || place + 1 >= arguments.Length ? null : arguments[place + 1];
        }
    }
}
