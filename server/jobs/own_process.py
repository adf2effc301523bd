"""What the service's own worker processes share: a heartbeat, and leaving a result or an error."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from contracts.document import Document, parse_json
from contracts.errors import BeltlineError
from contracts.heartbeat import Heartbeat
from contracts.process import RESULT_FILE, write_document, write_error

_OrderT = TypeVar("_OrderT", bound=Document)

OnProgress = Callable[[int, int], None]


def carry_out(order_type: type[_OrderT], work: Callable[[_OrderT, OnProgress], dict[str, Any]]) -> int:
    """Read the order named by the command line, carry it out, and leave its result or error.

    Returns:
        The exit code.
    """
    path = Path(sys.argv[1])
    workspace = path.parent
    try:
        order = parse_json(order_type, path.read_bytes(), source=str(path))
        with Heartbeat(workspace) as heartbeat:
            result = work(order, heartbeat.report)
    except BeltlineError as error:
        traceback.print_exc()
        write_error(workspace, error)
        return 1
    write_document(workspace / RESULT_FILE, result)
    return 0
