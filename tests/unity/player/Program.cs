// A player without Unity: Beltline.Core behind the same protocol, launched by UnityEnvironment like a build.
using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;

namespace Beltline.MonoPlayer
{
    static class Program
    {
        const string ParentVariable = "BELTLINE_PARENT_PID";
        const int WatchIntervalMs = 250;
        const int Orphaned = 5;
        const int ConnectionLost = 4;
        const int Failed = 1;

        [DllImport("libc")]
        static extern int getppid();

        static int Main(string[] arguments)
        {
            string named = Environment.GetEnvironmentVariable(ParentVariable);
            int parent = string.IsNullOrEmpty(named) ? getppid() : int.Parse(named);
            new Thread(() => ExitWithParent(parent)) { IsBackground = true }.Start();
            string log = Value(arguments, "-logFile");
            TextWriter lines = log == null || log == "-" ? Console.Error : new StreamWriter(log) { AutoFlush = true };
            try
            {
                using (var server = new GrpcClient("localhost", int.Parse(Value(arguments, "--mlagents-port"))))
                    lines.WriteLine("told to quit after " + new Academy(server, new BoxRenderer()).Run() + " exchanges");
                return 0;
            }
            catch (Core.Fault fault)
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

        static void ExitWithParent(int parent)
        {
            while (getppid() == parent)
                Thread.Sleep(WatchIntervalMs);
            Environment.Exit(Orphaned);
        }
    }
}
