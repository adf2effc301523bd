"""What synthetic images are worth on photographs, as a table: photographs to learn from x synthetic images.

    python -m tests.benchmarks.transfer.study --profile screening --generator exterior
    python -m tests.benchmarks.transfer.study --profile full --synthetic exterior@1

Reads the photographs that `BELTLINE_REAL_DATA` names. `screening` scores a part of `train` that is set apart, and never
opens `test_public`; `full` scores `test_public`. A run that has its result is not repeated, one that was stopped goes
on, so the command may be killed and given again. `docs/transfer.md` has the protocol.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from contracts.errors import BeltlineError, ConfigurationError
from contracts.process import write_atomically
from contracts.run import RunResult
from tests.benchmarks.transfer.cells import FULL, SCREENING, Profile, cells, table_of, training_spec
from tests.benchmarks.transfer.findings import Finding
from tests.benchmarks.transfer.photographs import Home, open_home, photographs_folder, publish_photographs
from tests.benchmarks.transfer.running import carry_out, task
from tests.benchmarks.transfer.study_report import as_json, draw_curves, markdown

PROFILES = {profile.name: profile for profile in (SCREENING, FULL)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the study; exit code 0 when every run has its result."""
    parsed = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return carry_out_study(parsed)
    except BeltlineError as error:
        say(f"transfer: error: {error.message}")
        if error.hint:
            say(f"  hint: {error.hint}")
        return error.exit_code
    except KeyboardInterrupt:
        say("transfer: interrupted; give the same command again to go on")
        return 1


def carry_out_study(options: argparse.Namespace) -> int:
    """Prepare the versions, train what is missing, write the tables."""
    profile = chosen_profile(options)
    photographs_folder()  # before anything is rendered
    home = open_home(options.home)
    most = max(profile.synthetic)
    synthetic = None
    versions: dict[str, str] = {}
    if most:
        synthetic = options.synthetic or _rendered(home, options.generator, options.frames or most, options)
        synthetic, version = home.version(synthetic)
        if len(version) < most:
            raise ConfigurationError(
                f"{synthetic} has {len(version)} images and the table asks for {most}",
                hint=f"render more, or give --synthetic-images 0 {len(version)}",
            )
        versions[synthetic] = version.digest
    say("importing the photographs")
    photographs, versions_photographs = publish_photographs(
        home, validation=profile.validation, development=profile.development, with_test=not profile.development
    )
    versions[photographs] = versions_photographs
    folder = home.path / "transfer"
    tasks = {}
    for repeat in range(profile.repeats):  # whole repeats first: a table that is stopped is even
        for cell in cells(profile):
            spec = training_spec(cell, repeat, profile, photographs, synthetic)
            made = task(spec, versions, store=home.store.url, cache=home.cache, runs=folder / "runs")
            tasks[made.order.run] = (made, cell, repeat)
    outcomes = carry_out([made for made, _, _ in tasks.values()], parallel=options.parallel, say=say)
    findings = [
        Finding(cell, repeat, run, outcome)
        for run, (_, cell, repeat) in tasks.items()
        if isinstance(outcome := outcomes[run], RunResult)
    ]
    failures = {run: str(outcome) for run, outcome in outcomes.items() if isinstance(outcome, BeltlineError)}
    out = options.out or folder / f"{profile.name}-{(synthetic or 'photographs').replace('@', '-')}"
    about = {"photographs": photographs, "synthetic": synthetic, "versions": versions, "failures": failures}
    write(findings, profile, synthetic or "photographs only", about, out)
    return 1 if failures else 0


def write(findings: Sequence[Finding], profile: Profile, title: str, about: dict[str, Any], out: Path) -> None:
    """Leave `study.json`, `study.md` and `curves.png` in a folder, and print the tables."""
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_json(findings, profile, about), indent=1, allow_nan=False)
    write_atomically(out / "study.json", text.encode())
    tables = markdown(findings, profile, title, about["failures"])
    write_atomically(out / "study.md", tables.encode())
    if findings:
        draw_curves(findings, out / "curves.png")
    print(tables)
    say(f"written to {out}")


def chosen_profile(options: argparse.Namespace) -> Profile:
    """The profile with what the command line says otherwise."""
    profile = PROFILES[options.profile]
    said: dict[str, Any] = {}
    if options.photographs:
        said["photographs"] = table_of(options.photographs)
    if options.synthetic_images:
        said["synthetic"] = tuple(options.synthetic_images)
    if options.repeats:
        said["repeats"] = options.repeats
    if options.steps:
        said["steps"] = options.steps
    if options.precision:
        said["precision"] = options.precision
    return replace(profile, **said)


def say(message: str) -> None:
    """Print what is no result."""
    print(message, file=sys.stderr, flush=True)


def _rendered(home: Home, generator: str | None, frames: int, options: argparse.Namespace) -> str:
    """Render a batch through the service's own command; an interrupted batch is asked for anew."""
    if generator is None:
        raise ConfigurationError(
            "no synthetic images are named", hint="give --synthetic NAME@V, or --generator NAME to render some"
        )
    say(f"rendering {frames} frames of {generator}")
    command = [sys.executable, "-m", "server.cli", "--home", str(home.path), "--json", "render", generator]
    command += ["--frames", str(frames), "--seed", str(options.seed), "--size", options.size]
    if options.workers:
        command += ["--workers", str(options.workers)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if ended.returncode != 0:
        raise ConfigurationError(f"rendering {generator} failed with exit code {ended.returncode}")
    return str(json.loads(ended.stdout)["result"]["dataset"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.transfer.study", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--profile", choices=sorted(PROFILES), default=SCREENING.name, help="(%(default)s)")
    parser.add_argument("--home", type=Path, help="folder of all state, as for beltline (BELTLINE_HOME, ./.beltline)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--synthetic", metavar="NAME@V", help="a synthetic version in the home")
    source.add_argument("--generator", metavar="NAME|FILE.yaml", help="render a version first")
    parser.add_argument("--frames", type=int, help="frames to render (as many as the table needs)")
    parser.add_argument("--size", default="160x128", help="of rendered frames, WxH in pixels (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of rendered frames (%(default)s)")
    parser.add_argument("--workers", type=int, help="render processes side by side")
    parser.add_argument("--photographs", nargs="+", metavar="N", help="rows of the table, such as: 0 16 64 all")
    parser.add_argument("--synthetic-images", nargs="+", type=int, metavar="S", help="columns, such as: 0 2048")
    parser.add_argument("--repeats", type=int, help="of every cell")
    parser.add_argument("--steps", type=int, help="optimizer steps of every run")
    parser.add_argument(
        "--precision", choices=("float32", "mixed"), help="of all runs; mixed pays where bfloat16 is native (float32)"
    )
    parser.add_argument("--parallel", type=int, default=1, help="training runs at a time (%(default)s)")
    parser.add_argument("--out", type=Path, help="folder of the tables (transfer/PROFILE-VERSION in the home)")
    return parser


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
