"""The trainer and the process of a study, launched as the service launches them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from contracts.process import write_document
from contracts.run import TrainingOrder
from contracts.study_order import StudyOrder

PATIENCE_S = 900


def start(order: TrainingOrder | StudyOrder) -> subprocess.Popen[str]:
    """Launch the process that carries an order out."""
    workspace = Path(order.workspace)
    workspace.mkdir(parents=True, exist_ok=True)
    write_document(workspace / "order.json", order)
    module = "training.run" if isinstance(order, TrainingOrder) else "training.study.process"
    return subprocess.Popen(
        [sys.executable, "-m", module, str(workspace / "order.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    """What a process printed, once it has ended with an exit code."""
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, output
    return output
