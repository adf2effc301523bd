"""Ends a process whose parent is gone, so that no player is ever left behind.

`PR_SET_PDEATHSIG` would be shorter, but it fires when the *thread* that launched the player ends.
"""

from __future__ import annotations

import logging
import os
import threading

from contracts.player_protocol import PARENT_VARIABLE

INTERVAL_S = 0.25
ORPHANED_EXIT_CODE = 5


def exit_with_parent(interval_s: float = INTERVAL_S) -> threading.Thread:
    """Start the watch. When the parent process changes, this process ends at once with exit code 5.

    The parent is the one that the bridge names in the environment, since it may be gone before this process looks; else
    the present one.
    """
    parent = int(os.environ.get(PARENT_VARIABLE) or os.getppid())

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(interval_s)
        logging.getLogger(__name__).warning("parent process %d is gone; exiting", parent)
        os._exit(ORPHANED_EXIT_CODE)

    thread = threading.Thread(target=watch, name="parent-watch", daemon=True)
    thread.start()
    return thread
