"""Carry out a study.

    python -m training.study.process ORDER.json

The order (`contracts/study_order.py: StudyOrder`) names a workspace, where `progress.json` is kept fresh, the estimate
and the table are written, and `result.json` or `error.json` is left. A study that was stopped or killed goes on where
it was when it is started again; a run with a result is never made again, whichever study asks for it. Exit codes: 0
done, 1 failed, 2 the order can't be read, 143 stopped on request.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.process import RESULT_FILE, write_document
from contracts.study_order import StudyOrder
from training.process import Monitor, carry_out_order


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the order named on the command line."""
    return carry_out_order(
        StudyOrder,
        _carry_out,
        "training.study.process",
        arguments,
        lock="study.lock",
        again="start the study again to go on",
    )


def _carry_out(order: StudyOrder) -> None:
    workspace = Path(order.workspace)
    with Monitor(workspace, 0, order.study_id, show_bar=False) as monitor:
        monitor.stop_on_signals()
        from training.study.conductor import Conductor  # takes seconds to load, and the heart beats already

        result = Conductor(order, monitor).carry_out()
    write_document(workspace / RESULT_FILE, result)
    print(f"{result.succeeded} runs, {result.failed} failed, {result.not_run} not run", flush=True)


if __name__ == "__main__":
    sys.exit(main())
