// A player without Unity: Beltline.Core behind the same protocol, launched by UnityEnvironment like a build.
using System;
using System.IO;
using Beltline.Core;

namespace Beltline.MonoPlayer
{
    static class Program
    {
        const int ConnectionLost = 4;
        const int Failed = 1;

        static int Main(string[] arguments)
        {
            ParentWatch.Start();
            string log = Value(arguments, "-logFile");
            TextWriter lines = log == null || log == "-" ? Console.Error : new StreamWriter(log) { AutoFlush = true };
            try
            {
                var renderer = new StagedRenderer(new BoxStage());
                SelfTest.Run(renderer).GetAwaiter().GetResult();
                using (var server = new GrpcClient("localhost", int.Parse(Value(arguments, "--mlagents-port"))))
                {
                    var academy = new Academy(server, renderer);
                    lines.WriteLine("told to quit after " + academy.Run() + " exchanges");
                }
                return 0;
            }
            catch (Fault fault)
            {
                lines.WriteLine("the other side breaks the protocol: " + fault.Message);
                return Failed;
            }
            catch (IOException error)
            {
                lines.WriteLine("the connection is lost: " + error.Message);
                return ConnectionLost;
            }
        }

        static string Value(string[] arguments, string name)
        {
            int place = Array.IndexOf(arguments, name);
            return place < 0 || place + 1 >= arguments.Length ? null : arguments[place + 1];
        }
    }
}
