"""What a process on this machine leaves when it ends, and what that means."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from contracts.errors import TrainingError
from contracts.process import Progress, write_error
from server.jobs.executors.local import LocalExecutor
from server.jobs.executors.process import Outcome, ProcessOrder

MODULE = "tests.unit.server.test_local_process"


def outcome_of(error: TrainingError, folder: Path) -> Outcome:
    """Of a process that leaves an error and ends with exit code 1: this module, launched."""
    workspace = folder / "workspace"
    order = ProcessOrder(error.code, MODULE, Progress(done=0, total=1, message=error.code), workspace)
    process = LocalExecutor().start(order, folder / "log.txt")
    until = time.monotonic() + 30
    while (found := process.poll()) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


@pytest.mark.parametrize(("code", "is_death"), [("process_died", True), ("training_diverged", False)])
def test_a_death_of_one_of_several_is_tried_again_and_a_verdict_is_not(tmp_path, code, is_death):
    found = outcome_of(TrainingError("it ended", code=code), tmp_path)
    assert not found.succeeded
    assert (found.death is not None, found.failure is not None) == (is_death, not is_death)
    assert (found.death or found.failure).message == "it ended"


if __name__ == "__main__":
    order = Path(sys.argv[1])
    said = Progress.model_validate_json(order.read_bytes()).message
    write_error(order.parent, TrainingError("it ended", code=said))
    sys.exit(1)
