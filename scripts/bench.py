"""Run every benchmark of tests/benchmarks and keep the figures: `make bench`.

A benchmark is a module `bench_*.py` with `measure() -> list of {"name", "value", "unit", "better"}`, each run in a
process of its own, so that none sees another's caches or threads.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from contracts.errors import BeltlineError
from contracts.process import write_atomically

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "benchmarks"
KEYS = {"name", "value", "unit", "better"}
_RUN = """
import importlib.util, json, sys
specification = importlib.util.spec_from_file_location(sys.argv[1].rsplit("/", 1)[-1][:-3], sys.argv[1])
module = importlib.util.module_from_spec(specification)
sys.modules[module.__name__] = module
specification.loader.exec_module(module)
rows = module.measure()
with open(sys.argv[2], "w") as file:
    json.dump(rows, file)
"""


def main() -> int:
    """Exit code 0 when every benchmark gave its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these, such as `bridge` for bench_bridge.py")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="file of the figures (%(default)s)")
    arguments = parser.parse_args()
    paths = sorted(FOLDER.glob("bench_*.py"))
    known = {path.stem.removeprefix("bench_"): path for path in paths}
    unknown = sorted(set(arguments.names) - known.keys())
    if unknown:
        print(f"bench: no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    failed = []
    for name, path in known.items():
        if arguments.names and name not in arguments.names:
            continue
        print(f"bench: {name}", file=sys.stderr, flush=True)
        try:
            found = measure(path, arguments.out)
        except BeltlineError as error:
            print(f"bench: {name}: {error}", file=sys.stderr)
            failed.append(name)
            continue
        rows += found
        for row in found:
            print(f"  {row['name']:<58} {_figure(row['value']):>12} {row['unit']:<12} {row['better']} is better")
    write_atomically(arguments.out, (json.dumps(rows, indent=1) + "\n").encode())
    print(f"{len(rows)} figures in {arguments.out}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def measure(path: Path, out: Path) -> list[dict[str, Any]]:
    """The figures of one benchmark.

    Raises:
        BeltlineError: It failed, or its rows are not what they should be.
    """
    answer = out.with_name(f".{out.name}.{path.stem}.tmp")
    try:
        ended = subprocess.run([sys.executable, "-c", _RUN, str(path), str(answer)], stdout=sys.stderr, check=False)
        if ended.returncode != 0:
            raise BeltlineError(f"ended with {ended.returncode}")
        rows = json.loads(answer.read_text())
    finally:
        answer.unlink(missing_ok=True)
    for row in rows:
        if set(row) != KEYS or not isinstance(row["value"], int | float) or not math.isfinite(row["value"]):
            raise BeltlineError(f"not a figure with {', '.join(sorted(KEYS))}: {row}")
        if row["better"] not in ("higher", "lower"):
            raise BeltlineError(f"{row['name']}: better is 'higher' or 'lower', not {row['better']!r}")
    return list(rows)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
