"""The render worker as a process: faults of every kind end well, and no interruption changes a byte."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import StorageError
from contracts.frame import FrameRecord
from contracts.ids import digest_of
from contracts.process import read_error, read_progress
from contracts.shard import BridgeSettings, PlayerCommand, ShardReport
from tests.players import box_family
from tests.players.launching import ROOT, box_player, left_running
from tests.players.orders import write_order

BRIDGE = BridgeSettings(
    launch_timeout_s=30, frame_timeout_s=3, restart_backoff_s=0.05, render_attempts_max=3, base_port=23005
)
FRAMES = 6


def _order(folder: Path, *arguments: str, **changes: Any) -> Path:
    """Write an order for the test player; the path of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_order(
        folder,
        changes.pop("generator", box_family.generator()),
        changes.pop("count", FRAMES),
        player=changes.pop("player", None) or box_player(folder, *arguments),
        bridge=BRIDGE.model_copy(update=changes.pop("bridge", {})),
        **changes,
    )


def _start(order: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.players.box_worker", str(order)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(order: Path) -> tuple[int, str]:
    process = _start(order)
    _, log = process.communicate(timeout=90)
    return process.returncode, log


def _report(folder: Path) -> ShardReport:
    return ShardReport.model_validate_json((folder / "workspace" / "result.json").read_bytes())


def _files(folder: Path) -> dict[str, str]:
    """Digest of every staged file by its path."""
    root = folder / "staging"
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): digest_of(path.read_bytes()) for path in paths}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Staged files of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    status, log = _run(_order(folder))
    assert status == 0, log
    assert _report(folder).frames == FRAMES
    files = _files(folder)
    assert len(files) == FRAMES * 6
    return files


def test_records_say_what_is_on_disk(tmp_path: Path) -> None:
    status, log = _run(_order(tmp_path, count=2))
    assert status == 0, log
    for index in range(2):
        folder = tmp_path / "staging" / "frames" / f"{index:06d}"
        data = (folder / "record.json").read_bytes()
        record = FrameRecord.model_validate_json(data)
        assert json.dumps(json.loads(data), separators=(",", ":"), sort_keys=True).encode() == data
        assert {f"{role}.png": digest for role, digest in record.files.items()} == {
            path.name: digest_of(path.read_bytes()) for path in folder.glob("*.png")
        }
        assert (record.index, record.seed, record.size) == (index, 3, (32, 32))
        assert {"view.azimuth_deg", "variant.of", "camera.horizontal_fov_deg"} <= record.parameters.keys()
        assert record.player is not None
        assert record.player.name == "raycaster"
        assert record.instances
    progress = read_progress(tmp_path / "workspace")
    assert progress is not None
    assert (progress.done, progress.total) == (2, 2)
    assert left_running(tmp_path) == []


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("die", "player_crashed"),
        ("killed", "player_crashed"),
        ("hang", "player_timed_out"),
        ("blank", "not_blank"),
        ("stale", "image_fresh"),
        ("truncated", "unreadable_frame"),
        ("missing", "unreadable_frame"),
        ("wrong_digest", "unreadable_frame"),
    ],
)
def test_a_slip_of_the_players_is_mended_and_leaves_no_trace(
    tmp_path: Path, undisturbed: dict[str, str], fault: str, failure: str
) -> None:
    status, log = _run(_order(tmp_path, "--fault", fault, "--at", "3", "--once", str(tmp_path / "struck")))
    assert status == 0, log
    assert _report(tmp_path).transient_failures == {failure: 1}
    assert _report(tmp_path).player_starts == 2
    assert _files(tmp_path) == undisturbed
    assert left_running(tmp_path) == []


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        ("die", "player_crashed", r"frame 3 failed 3 times: .*exit status 3"),
        ("garbage", "player_protocol", r"frame 3 failed: .*not UTF-8 JSON"),
        ("wrong_spec", "player_protocol", r"frame 3 failed: .*rendered spec"),
        ("refuse", "player_refused", r"frame 3 failed: .*objects\.0"),
        ("blank", "frame_rejected", r"frame 3 failed 3 times: not_blank"),
        ("disk_full", "disk_full", r"can't write"),
    ],
)
def test_a_fault_that_stays_fails_the_shard_by_the_frames_name_and_keeps_the_rest(
    tmp_path: Path, undisturbed: dict[str, str], fault: str, code: str, message: str
) -> None:
    order = _order(tmp_path, "--fault", fault, "--at", "3")
    status, log = _run(order)
    assert status == 1, log
    error = read_error(tmp_path / "workspace")
    assert error is not None
    assert error.code == code
    assert re.search(message, error.message), error.message
    assert not (tmp_path / "workspace" / "result.json").exists()
    finished = {path: digest for path, digest in _files(tmp_path).items() if "000003" not in path}
    assert finished.items() <= undisturbed.items()
    assert len(finished) >= 3 * 6
    assert not list((tmp_path / "staging").rglob(".rendering-*"))
    assert left_running(tmp_path) == []


def test_a_sound_player_takes_up_where_a_broken_one_ended(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    assert _run(_order(tmp_path, "--fault", "die", "--at", "3"))[0] == 1
    status, log = _run(_order(tmp_path))
    assert status == 0, log
    assert read_error(tmp_path / "workspace") is None
    assert _files(tmp_path) == undisturbed


def test_a_player_that_can_not_be_started_fails_at_once(tmp_path: Path) -> None:
    status, _ = _run(_order(tmp_path, player=PlayerCommand(name="mine", path=str(tmp_path / "nothing"))))
    error = read_error(tmp_path / "workspace")
    assert status == 1
    assert error is not None
    assert error.code == "player_launch_failed"
    assert "mine" in error.message


def test_rejected_content_is_drawn_anew_with_the_attempt_recorded(tmp_path: Path) -> None:
    # A crate covers 30 to 80 pixels, and 55 are demanded.
    generator = box_family.generator(quality={"must_appear_min_px": 55, "redraws_max": 20})
    status, log = _run(_order(tmp_path, generator=generator, count=8))
    assert status == 0, log
    report = _report(tmp_path)
    redrawn = 0
    for index in range(8):
        path = tmp_path / "staging" / "frames" / f"{index:06d}" / "record.json"
        record = FrameRecord.model_validate_json(path.read_bytes())
        assert record.checks == ("labels_present",) * record.attempt
        redrawn += record.attempt
    assert report.rejections == {"labels_present": redrawn}
    assert redrawn > 0
    assert report.transient_failures == {}
    assert report.player_starts == 1


def test_exhausted_content_fails_by_name_or_becomes_a_declared_gap(tmp_path: Path) -> None:
    generator = box_family.generator(quality={"must_appear_min_px": 1000, "redraws_max": 2})
    status, _ = _run(_order(tmp_path / "strict", generator=generator))
    error = read_error(tmp_path / "strict" / "workspace")
    assert status == 1
    assert error is not None
    assert error.code == "frame_rejected"
    assert error.context["checks"] == ["labels_present"]
    assert f"frame {error.context['frame']} was rejected 3 times" in error.message
    status, log = _run(_order(tmp_path / "lenient", generator=generator, allow_gaps=True))
    assert status == 0, log
    report = _report(tmp_path / "lenient")
    assert report.frames + len(report.gaps) == FRAMES
    assert error.context["frame"] in report.gaps
    frames = list((tmp_path / "lenient" / "staging" / "frames").iterdir())
    redraws = sum(json.loads((folder / "record.json").read_bytes())["attempt"] for folder in frames)
    assert report.rejections == {"labels_present": 3 * len(report.gaps) + redraws}
    staged = {folder.name for folder in frames}
    assert staged == {f"{index:06d}" for index in range(FRAMES) if index not in report.gaps}


def test_a_draw_that_the_scene_family_gives_up_is_drawn_anew(tmp_path: Path) -> None:
    base = box_family.generator().model_dump(mode="json")["randomizers"]
    views = {"view": base["view"] | {"height_m": {"choice": [2, 4]}}}
    generator = box_family.generator(randomizers=base | views)
    status, log = _run(_order(tmp_path, generator=generator))
    assert status == 0, log
    assert _report(tmp_path).rejections["composition"] > 0


def test_a_picture_beside_its_masks_is_rendered_again_and_then_drawn_anew(tmp_path: Path) -> None:
    generator = box_family.generator(96)
    fault = ("--fault", "shift", "--at", "1")
    status, log = _run(_order(tmp_path / "once", *fault, "--once", str(tmp_path / "s"), generator=generator, count=2))
    assert status == 0, log
    assert _report(tmp_path / "once").transient_failures == {"edges_agree": 1}
    assert _report(tmp_path / "once").rejections == {}
    strict = box_family.generator(96, quality={"redraws_max": 1})
    status, log = _run(_order(tmp_path / "ever", *fault, generator=strict, count=2))
    error = read_error(tmp_path / "ever" / "workspace")
    assert status == 1, log
    assert error is not None
    assert "frame 1 was rejected 2 times" in error.message
    assert error.context["checks"] == ["edges_agree"]


def test_players_are_recycled_without_a_trace(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    status, log = _run(_order(tmp_path, bridge={"recycle_after_frames": 2}))
    assert status == 0, log
    assert _report(tmp_path).player_starts >= 3
    assert _files(tmp_path) == undisturbed


def test_a_player_that_grows_is_replaced(tmp_path: Path) -> None:
    status, log = _run(_order(tmp_path, "--fault", "leak", count=15, bridge={"recycle_growth_mib": 100}))
    assert status == 0, log
    assert "which has grown by" in log
    assert _report(tmp_path).player_starts == 2
    assert _report(tmp_path).transient_failures == {}


def test_two_shards_side_by_side_give_the_frames_of_one(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    orders = []
    for number in range(2):
        path = _order(tmp_path / str(number), first=3 * number, count=3)
        document = json.loads(path.read_text())
        document |= {"staging": str(tmp_path / "staging"), "assets": str(tmp_path / "assets")}
        path.write_text(json.dumps(document))
        orders.append(_start(path))
    for process in orders:
        _, log = process.communicate(timeout=90)
        assert process.returncode == 0, log
    assert _files(tmp_path) == undisturbed


def test_kill_at_any_moment_and_resume_changes_no_byte(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    moments = random.Random(7)
    order = _order(tmp_path, "--delay-s", "0.05")
    for _ in range(6):
        process = _start(order)
        time.sleep(moments.uniform(0.4, 2.2))
        process.kill()
        process.communicate(timeout=30)
    assert left_running(tmp_path, 5) == []
    status, log = _run(order)
    assert status == 0, log
    assert _files(tmp_path) == undisturbed


def test_damaged_frames_are_rendered_again_on_resume(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    order = _order(tmp_path)
    assert _run(order)[0] == 0
    frames = tmp_path / "staging" / "frames"
    (frames / "000001" / "mask.png").write_bytes(b"")
    (frames / "000002" / "record.json").unlink()
    (frames / "000004" / "record.json").write_bytes(b"{")
    (frames / "000004" / ".rendering-0" / "image.png").parent.mkdir()
    (frames / "000004" / ".rendering-0" / "image.png").write_bytes(b"half an image")
    status, log = _run(order)
    assert status == 0, log
    assert _files(tmp_path) == undisturbed


def test_sigterm_stops_in_order_and_keeps_what_is_finished(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    order = _order(tmp_path, "--delay-s", "0.5")
    process = _start(order)
    record = tmp_path / "staging" / "frames" / "000000" / "record.json"
    deadline = time.monotonic() + 30
    while not record.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    process.communicate(timeout=30)
    assert time.monotonic() - started < 2
    assert process.returncode == 1
    error = read_error(tmp_path / "workspace")
    assert error is not None
    assert (error.code, error.retryable) == ("stopped", True)
    assert left_running(tmp_path) == []
    assert {
        path: digest for path, digest in _files(tmp_path).items() if "000000" in path
    }.items() <= undisturbed.items()


def test_the_heart_beats_while_a_frame_takes_long(tmp_path: Path) -> None:
    process = _start(_order(tmp_path, "--delay-s", "60", bridge={"frame_timeout_s": 120.0}))
    path = tmp_path / "workspace" / "progress.json"
    beats = set()
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if path.exists():
            beats.add(path.stat().st_mtime_ns)
        time.sleep(0.05)
    process.terminate()
    process.communicate(timeout=30)
    assert len(beats) >= 3


def test_a_second_worker_does_not_touch_a_workspace_in_use(tmp_path: Path) -> None:
    order = _order(tmp_path, "--delay-s", "60", bridge={"frame_timeout_s": 120.0})
    process = _start(order)
    try:
        deadline = time.monotonic() + 30
        while not list((tmp_path / "staging").rglob(".rendering-*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        status, log = _run(order)
        assert status == 1, log
        assert "another worker holds" in log
        assert process.poll() is None
        assert list((tmp_path / "staging").rglob(".rendering-*"))
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_full_disk_while_staging_is_one_clear_error(tmp_path: Path) -> None:
    # A file size limit stands for the full disk: the kernel refuses the write in the same place.
    order = _order(tmp_path)
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1400, 1400)); "
        "from tests.players import box_family; from unity_bridge import worker; "
        "box_family.install(); worker._RESERVE_BYTES = 100; sys.exit(worker.main(sys.argv[1:]))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(order)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    error = read_error(tmp_path / "workspace")
    assert process.returncode == 1, process.stderr
    assert error is not None
    assert isinstance(error, StorageError)
    assert error.hint
    assert list(tmp_path.rglob("*.tmp")) == []
    assert left_running(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 1}'])
def test_what_is_no_order_is_bad_input(tmp_path: Path, text: str) -> None:
    path = tmp_path / "order.json"
    path.write_text(text)
    status, log = _run(path)
    assert status == 2
    assert "order.json" in log
    assert os.listdir(tmp_path) == ["order.json"]  # noqa: PTH208
