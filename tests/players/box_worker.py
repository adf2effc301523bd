"""The render worker, with the box family in the place of the exterior one."""

from __future__ import annotations

import os
import sys

from tests.players import box_family
from unity_bridge import worker

if __name__ == "__main__":
    box_family.install()
    status = worker.main()
    sys.stderr.flush()
    os._exit(status)
