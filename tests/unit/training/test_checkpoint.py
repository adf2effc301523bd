"""Checkpoints outlast the death of the process that writes them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from training import checkpoint

ROOT = Path(__file__).resolve().parents[3]
KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
import torch
from training import checkpoint
path = Path(sys.argv[1])
checkpoint.save(path, {"step": 1, "model": torch.ones(1000)})
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # the bytes are written, the name is still the old one's
checkpoint.save(path, {"step": 2, "model": torch.zeros(1000)})
"""


def test_killed_in_mid_checkpoint_the_one_before_is_whole_and_the_rest_is_swept_up(tmp_path):
    path = tmp_path / checkpoint.LAST
    ended = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    values = checkpoint.load(path)
    assert values is not None
    assert values["step"] == 1
    assert values["model"].sum() == 1000
    (unfinished,) = set(path.parent.iterdir()) - {path}
    assert unfinished.stat().st_size > 0
    checkpoint.sweep(path)
    assert list(path.parent.iterdir()) == [path]
