"""The main job, from one request to a trained and measured model: `make demo`.

Starts the service in a fresh home, requests an `exterior` and a `belt-g3` batch over REST, takes 16 photographs,
trains one network on them alone and one on the same 16 and the synthetic images, scores both on test photographs that
neither saw, and prints what the synthetic images were worth. Photographs come from `BELTLINE_REAL_DATA/carparts`;
without them a second synthetic domain stands for them.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from tqdm import tqdm

from contracts.document import read_file, read_yaml, validate
from contracts.errors import BeltlineError, from_dict
from contracts.ids import VersionReference
from contracts.job import Job, JobState, RenderBatchRequest
from contracts.run import TrainingSpec
from server.client import Client
from server.commands.session import advance, progress_bar
from server.resources import ImportRequest, Run
from server.study_planning import shipped_studies

BELTLINE = Path(sys.executable).with_name("beltline")
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
SHEET_FRAMES = 16
SEED = 1
PHOTOGRAPHS = 16
"""Labelled photographs that both networks learn from."""
PHOTOGRAPHS_SHARE = 0.125
"""Of each batch, beside synthetic images: one of eight, as few photographs are soon learned by heart."""
VALIDATION_IMAGES = 32
"""Photographs that choose each network's best checkpoint, the same for both."""
TARGET_OVERRIDES: Mapping[str, Any] = {
    "randomizers.surroundings.environment": {"choice": {"sky": 0.2, "studio": 0.8}},
    "randomizers.surroundings.wall": "none",
    "randomizers.surroundings.other_vehicles": 0,
    "randomizers.surroundings.clutter": 0,
    "randomizers.paint.color": {"choice": {"white": 0.5, "silver": 0.3, "blue": 0.2}},
    "randomizers.camera.height_m": {"uniform": [1.8, 2.6]},
    "randomizers.vehicle.body": {"choice": {"wagon": 0.5, "suv": 0.5}},
}
"""What makes the second synthetic domain another one: surroundings, paints, bodies, camera height."""


@dataclass(frozen=True)
class Plan:
    """How much is done: made for 15 minutes on 2 cores."""

    exterior_frames: int
    belt_frames: int
    target_frames: int
    """Of the second synthetic domain, where it stands for photographs; as many again are its test images."""
    exterior_size: str
    belt_size: str
    steps: int
    """Optimizer steps of each training run."""


FULL = Plan(
    exterior_frames=240, belt_frames=24, target_frames=56, exterior_size="160x128", belt_size="240x136", steps=320
)
FRAMES_WITHOUT_PHOTOGRAPHS = 160
"""Fewer, since the domain that stands for photographs is rendered too."""


def main() -> int:
    """Run the demo; the exit code is 0 when the table was printed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--home", type=Path, default=Path(".beltline/demo"), help="made afresh (.beltline/demo)")
    parser.add_argument(
        "--frames",
        type=int,
        help=f"exterior frames ({FULL.exterior_frames}; without photographs {FRAMES_WITHOUT_PHOTOGRAPHS})",
    )
    parser.add_argument("--belt-frames", type=int, default=FULL.belt_frames, help="belt-g3 frames (%(default)s)")
    parser.add_argument(
        "--target-frames",
        type=int,
        default=FULL.target_frames,
        help="without photographs: frames of the domain that stands for them, and as many to test on (%(default)s)",
    )
    parser.add_argument("--steps", type=int, default=FULL.steps, help="optimizer steps a run (%(default)s)")
    arguments = parser.parse_args()
    usual = FULL.exterior_frames if os.environ.get("BELTLINE_REAL_DATA") else FRAMES_WITHOUT_PHOTOGRAPHS
    plan = replace(
        FULL,
        exterior_frames=arguments.frames or usual,
        belt_frames=arguments.belt_frames,
        target_frames=arguments.target_frames,
        steps=arguments.steps,
    )
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()
    try:
        with _service(arguments.home.resolve()) as url:
            demonstrate(url, arguments.home.resolve(), plan)
            _say(f"wall time {(time.monotonic() - started) / 60:.1f} minutes")
            print(
                f"documentation of the service: {url}/docs while it runs; it stops now, and starts again with\n"
                f"  {BELTLINE} --home {arguments.home} serve --port {url.rsplit(':', 1)[1]}"
            )
    except BeltlineError as error:
        _say(f"demo: error: {error.message}")
        if error.hint:
            _say(f"  hint: {error.hint}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("demo: interrupted")
        return 1
    return 0


def demonstrate(url: str, home: Path, plan: Plan) -> None:
    """All of it, against the service at `url`."""
    with Client(url) as service:
        exterior = RenderBatchRequest(
            generator="exterior", frames=plan.exterior_frames, seed=SEED, size=plan.exterior_size
        )
        belt = RenderBatchRequest(generator="belt-g3", frames=plan.belt_frames, seed=SEED, size=plan.belt_size)
        photographs = _photographs()
        requests = [exterior, belt]
        if photographs is None:
            requests += _target_requests(plan)
        _say(f"rendering {sum(request.frames for request in requests)} frames; the service's pages: {url}/docs")
        ended = _follow(url, [service.render(request).job for request in requests], "frame")
        versions = [_version(job) for job in ended]
        for version in versions[:2]:
            _sheet(url, version, home / f"{version.name}-{version.number}.png")
        if photographs is None:
            real, test = (f"{versions[2]}", None), (f"{versions[3]}", None)
        else:
            _say(f"importing {photographs}")
            job = service.import_dataset(_import_request(photographs)).job
            imported = str(_version(_follow(url, [job], "image")[0]))
            real, test = (imported, "train"), (imported, "test_public")
        runs = []
        alone = "target-alone" if photographs is None else "photographs-alone"
        for name, synthetic in ((alone, None), ("with-synthetic", str(versions[0]))):
            _say(f"training {name}: {plan.steps} steps")
            runs.append(_train(service, url, training_spec(name, real, test, synthetic, plan.steps)))
        _report(runs, home, photographs is not None, str(versions[0]))


FLIPPED: dict[str, Any] = {"scale": [1, 1], "rotate_deg": 0} | dict.fromkeys(
    ("brightness_contrast", "hue_saturation", "blur", "noise", "jpeg"), 0
)
"""Images are flipped and not changed otherwise: in few steps, more changes are less learned (docs/transfer.md)."""


def training_spec(
    name: str, real: tuple[str, str | None], test: tuple[str, str | None], synthetic: str | None, steps: int
) -> TrainingSpec:
    """One of the two runs, which differ in nothing but their training images.

    Args:
        name: Of the run.
        real: Version and split of the photographs (or what stands for them) to learn from and validate on.
        test: Version and split to score on.
        synthetic: Version of synthetic images, or none.
        steps: Optimizer steps.
    """
    train: list[dict[str, Any]] = [_source(real) | {"take": PHOTOGRAPHS, "weight": PHOTOGRAPHS_SHARE}]
    if synthetic is not None:
        train.append({"dataset": synthetic, "take": "all", "weight": 1 - PHOTOGRAPHS_SHARE})
    settling = max(1, steps * 3 // 10)
    path = shipped_studies() / "runs" / "carparts.yaml"  # network, loss and rates are those of the studies
    base, _ = read_yaml(read_file(path), str(path))
    changes = {
        "name": name,
        "data": {
            "train": train,
            "validation": _source(real) | {"reserve": VALIDATION_IMAGES, "by": "group", "seed": SEED},
            "test": _source(test),
        },
        # A short run ends well with a gentle last stretch.
        "stages": [
            {"name": "train", "steps": steps - settling},
            {"name": "settle", "steps": settling, "learning_rate_factor": 0.2},
        ],
        "augmentation": FLIPPED,
        "evaluate_every_steps": 80,
    }
    return validate(TrainingSpec, base | changes, source=name)


def _source(version: tuple[str, str | None]) -> dict[str, Any]:
    dataset, split = version
    return {"dataset": dataset} if split is None else {"dataset": dataset, "split": split}


def _photographs() -> Path | None:
    named = os.environ.get("BELTLINE_REAL_DATA")
    if not named:
        return None
    folder = Path(named).resolve() / "carparts"
    if not folder.is_dir():
        raise BeltlineError(
            f"BELTLINE_REAL_DATA={named} holds no folder carparts",
            code="photographs_missing",
            hint="name the folder that holds carparts/, or unset it to do without photographs",
        )
    return folder


def _import_request(folder: Path) -> ImportRequest:
    return ImportRequest(
        format="masks",
        path=str(folder),
        name="carparts",
        classes="classes.json",
        groups="groups.csv",
        splits={"train": "train", "test_public": "test_public"},
    )


def _target_requests(plan: Plan) -> list[RenderBatchRequest]:
    """Two batches of the second synthetic domain: to learn from and validate on, and to test on."""
    return [
        RenderBatchRequest(
            generator="exterior",
            frames=plan.target_frames,
            seed=SEED + number,
            size=plan.exterior_size,
            dataset=name,
            overrides=dict(TARGET_OVERRIDES),
        )
        for number, name in enumerate(("target", "target-test"), start=1)
    ]


def _train(service: Client, url: str, spec: TrainingSpec) -> Run:
    accepted = service.train(spec)
    _follow(url, [accepted.job], "step")
    return service.run(str(accepted.run))


def _follow(url: str, jobs: list[Job], noun: str) -> list[Job]:
    """Wait for jobs side by side, with a progress bar each; the first failure ends the demo."""
    ended: list[Job | BaseException | None] = [None] * len(jobs)

    def follow(place: int, job: Job, bar: tqdm[Any]) -> None:
        try:
            with Client(url) as service:
                ended[place] = service.wait(job.id, lambda now: advance(bar, now))
        except BaseException as error:
            ended[place] = error

    with contextlib.ExitStack() as stack:
        threads = []
        for place, job in enumerate(jobs):
            bar = stack.enter_context(progress_bar(job.progress.total, _title(job), noun, position=place))
            threads.append(threading.Thread(target=follow, args=(place, job, bar), daemon=True))
            threads[-1].start()
        # Joining with a timeout lets Ctrl-C through.
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(0.2)
    result = []
    for outcome in ended:
        if isinstance(outcome, BaseException):
            raise outcome
        assert outcome is not None
        if outcome.state is not JobState.SUCCEEDED:
            raise from_dict(outcome.error or {"message": f"{outcome.kind} job {outcome.id} was {outcome.state.value}"})
        result.append(outcome)
    return result


def _title(job: Job) -> str:
    request = job.request
    return str(request.get("dataset") or request.get("generator") or request.get("name") or job.kind)


def _version(job: Job) -> VersionReference:
    return VersionReference.parse(str((job.result or {})["dataset"]))


def _sheet(url: str, version: VersionReference, path: Path) -> None:
    """Draw a contact sheet as a user would: with the command line."""
    command = [sys.executable, "-m", "server.cli", "--url", url, "sheet", str(version)]
    command += ["--frames", str(SHEET_FRAMES), "--out", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise BeltlineError(f"no contact sheet of {version}: {ended.stderr.strip().splitlines()[-1]}")
    _say(f"contact sheet of {version}: {path}")


def _report(runs: list[Run], home: Path, photographs: bool, synthetic: str) -> None:
    """Print the table; write and name the comparison report."""
    out = home / "comparison.html"
    folders = [str(home / "runs" / run.id) for run in runs]
    command = [sys.executable, "-m", "training.compare", str(out), *folders]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise BeltlineError(f"no comparison report: {(ended.stderr.strip() or 'nothing said').splitlines()[-1]}")
    if photographs:
        print(f"\n{PHOTOGRAPHS} photographs alone, and with {synthetic}; scores on test photographs\n")
    else:
        print("\nBELTLINE_REAL_DATA is not set: A SECOND SYNTHETIC DOMAIN STANDS FOR PHOTOGRAPHS in this table.")
        print(f"{PHOTOGRAPHS} of its images alone, and with {synthetic}; scores on test images of it\n")
    print(ended.stdout.rstrip())
    print(f"\ncomparison report: {out}")


@contextlib.contextmanager
def _service(home: Path) -> Iterator[str]:
    """`beltline serve` in a fresh home on a free port, stopped at the end with all that it started."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = dict(os.environ)
    environment.pop("BELTLINE_URL", None)
    if "BELTLINE_REAL_DATA" in environment:
        environment["BELTLINE_IMPORT_ROOTS"] = str(Path(environment["BELTLINE_REAL_DATA"]).resolve())
    log_path = home / "service.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", "--home", str(home), "serve", "--port", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C is ours to pass on, once the jobs are cancelled in order
            preexec_fn=_end_with_parent(),
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _await_ready(url, process, log_path)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _end_with_parent() -> Callable[[], None]:
    """What a child runs first, so that the kernel asks it to stop when this process is gone, however it went."""
    library = ctypes.CDLL(None, use_errno=True)

    def arrange() -> None:
        library.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    return arrange


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    import httpx

    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        time.sleep(0.2)
    said = log.read_text(errors="replace").strip().splitlines()
    raise BeltlineError(
        f"the service did not start: {said[-1] if said else 'it said nothing'}",
        code="service_not_ready",
        hint=f"its log is {log}",
    )


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
