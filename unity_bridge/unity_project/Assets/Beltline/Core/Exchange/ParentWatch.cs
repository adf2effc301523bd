using System;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Threading;

namespace Beltline.Core
{
    /// <summary>Notices that the process which launched this one is gone, so that no player is ever left behind.</summary>
    public static class ParentWatch
    {
        const string ParentVariable = "BELTLINE_PARENT_PID";
        const int IntervalMs = 250;

        /// <summary>Exit code of a player whose parent is gone.</summary>
        public const int Orphaned = 5;

        const int NotPermitted = 1;

        [DllImport("libc")]
        static extern int getppid();

        [DllImport("libc", SetLastError = true)]
        static extern int kill(int process, int signal);

        /// <summary>Whether a worker launched this process, rather than a person.</summary>
        public static bool HasWorker => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(ParentVariable));

        /// <summary>
        /// Starts the watch: over the present parent, and over the worker where it names itself, since it may be gone
        /// before this process looks, and since a program may stand between the two, such as one that makes a display.
        /// </summary>
        /// <param name="orphaned">Called once, on a thread of the watch.</param>
        public static void Start(Action orphaned)
        {
            string named = Environment.GetEnvironmentVariable(ParentVariable);
            int parent = getppid();
            int worker = string.IsNullOrEmpty(named) ? parent : int.Parse(named, CultureInfo.InvariantCulture);
            var thread = new Thread(() =>
            {
                while (getppid() == parent && Exists(worker))
                    Thread.Sleep(IntervalMs);
                orphaned();
            });
            thread.IsBackground = true;
            thread.Name = "parent watch";
            thread.Start();
        }

        static bool Exists(int process) => kill(process, 0) == 0 || Marshal.GetLastWin32Error() == NotPermitted;
    }
}
