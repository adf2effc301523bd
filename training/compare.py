"""Compare finished runs: a page, and the table as text.

    python -m training.compare OUT.html RESULT_FOLDER RESULT_FOLDER...

The first folder's run is the one that the others are measured against. Exit codes: 0 done, 1 failed, 2 bad input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.errors import BeltlineError
from training.report.comparison import compare
from training.report.results import read_run


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the runs in the folders named on the command line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) < 3:
        print("usage: python -m training.compare OUT.html RESULT_FOLDER RESULT_FOLDER...", file=sys.stderr)
        return 2
    try:
        print(compare([read_run(Path(folder)) for folder in arguments[1:]], Path(arguments[0])))
    except BeltlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
