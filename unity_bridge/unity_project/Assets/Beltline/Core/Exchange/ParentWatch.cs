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

        [DllImport("libc")]
        static extern int getppid();

        /// <summary>Whether a worker launched this process, rather than a person.</summary>
        public static bool HasWorker => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(ParentVariable));

        /// <summary>
        /// Starts the watch. The parent is the one that the worker names, since it may be gone before this process
        /// looks; else the present one.
        /// </summary>
        /// <param name="orphaned">Called once, on a thread of the watch.</param>
        public static void Start(Action orphaned)
        {
            string named = Environment.GetEnvironmentVariable(ParentVariable);
            int parent = string.IsNullOrEmpty(named) ? getppid() : int.Parse(named, CultureInfo.InvariantCulture);
            var thread = new Thread(() =>
            {
                while (getppid() == parent)
                    Thread.Sleep(IntervalMs);
                orphaned();
            });
            thread.IsBackground = true;
            thread.Name = "parent watch";
            thread.Start();
        }
    }
}
