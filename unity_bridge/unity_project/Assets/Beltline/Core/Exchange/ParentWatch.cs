using System;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Threading;

namespace Beltline.Core
{
    /// <summary>Ends a process whose worker is gone, so that no player is ever left behind.</summary>
    public static class ParentWatch
    {
        const string ParentVariable = "BELTLINE_PARENT_PID";
        const int IntervalMs = 250;

        const int Orphaned = 5;

        const int NotPermitted = 1;

        [DllImport("libc")]
        static extern int getppid();

        /// <summary>Ends the process from any thread; an engine would wait for its own.</summary>
        [DllImport("libc")]
        static extern void _exit(int status);

        [DllImport("libc", SetLastError = true)]
        static extern int kill(int process, int signal);

        /// <summary>Whether a worker launched this process, rather than a person.</summary>
        public static bool HasWorker => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(ParentVariable));

        /// <summary>
        /// Starts the watch: over the present parent, and over the worker where it names itself, since it may be gone
        /// before this process looks, and since a program may stand between the two, such as one that makes a display. When
        /// either is gone this process ends at once, with exit code 5.
        /// </summary>
        public static void Start()
        {
            string named = Environment.GetEnvironmentVariable(ParentVariable);
            int parent = getppid();
            int worker = string.IsNullOrEmpty(named) ? parent : int.Parse(named, CultureInfo.InvariantCulture);
            var thread = new Thread(() =>
            {
                while (getppid() == parent && Exists(worker))
                    Thread.Sleep(IntervalMs);
                _exit(Orphaned);
            });
            thread.IsBackground = true;
            thread.Name = "parent watch";
            thread.Start();
        }

        static bool Exists(int process) => kill(process, 0) == 0 || Marshal.GetLastWin32Error() == NotPermitted;
    }
}
