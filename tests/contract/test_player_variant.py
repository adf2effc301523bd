"""Choosing a renderer variant without being killed by the wrong LLVM."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import CapabilityMissingError
from unity_bridge.embedded import variant
from unity_bridge.embedded.variant import LIBRARY_VARIABLE, choose_variant, llvm_major, probe_variant


def environment(folder: Path, **values: str) -> dict[str, str]:
    """The process's variables with a record of verdicts of its own."""
    return {**{k: v for k, v in os.environ.items() if k != LIBRARY_VARIABLE}, "XDG_CACHE_HOME": str(folder), **values}


@pytest.mark.parametrize(
    ("name", "major"),
    [
        ("libLLVM-14.so.1", 14),
        ("libLLVM-15.so", 15),
        ("libLLVM.so.19.1", 19),
        ("libLLVM-19.so", 19),
        ("libLLVM.so", None),
        ("libLLVMSupport.so", None),
    ],
)
def test_version_is_read_from_a_librarys_name(name: str, major: int | None, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert llvm_major(tmp_path / name) == major


def test_libraries_are_tried_in_a_sensible_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["libLLVM-14.so.1", "libLLVM.so.18.1", "libLLVM.so.21.1", "libLLVM.so.19.1", "libLLVM.so.20.1"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "libLLVM-19.so").symlink_to("libLLVM.so.19.1")
    monkeypatch.setattr(variant, "_libraries_of_linker", lambda: [tmp_path / name for name in names])
    monkeypatch.setattr(variant, "_libraries_in_folders", lambda: [tmp_path / "libLLVM-19.so"])
    assert [major for major, _ in variant.find_llvm()] == [19, 20, 21, 18, 14]


def test_an_old_library_is_refused_without_being_loaded(tmp_path: Path) -> None:
    library = tmp_path / "libLLVM-15.so.1"
    library.write_bytes(b"loading this would fail")
    report = probe_variant("llvm", environment(tmp_path, **{LIBRARY_VARIABLE: str(library)}))
    assert not report.available
    assert "LLVM 15 is too old" in report.detail
    assert "libllvm19" in report.detail


def test_a_library_that_breaks_the_probe_is_reported_and_scalar_remains(tmp_path: Path) -> None:
    library = tmp_path / "libLLVM.so.19.1"
    library.write_bytes(b"not a library")
    values = environment(tmp_path, **{LIBRARY_VARIABLE: str(library)})
    report = probe_variant("llvm", values)
    assert not report.available
    assert "the test picture failed" in report.detail
    assert choose_variant("auto", values).name in ("cuda", "scalar")
    with pytest.raises(CapabilityMissingError, match="the test picture failed"):
        choose_variant("llvm", values)


def test_a_named_library_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    report = probe_variant("llvm", environment(tmp_path, **{LIBRARY_VARIABLE: str(tmp_path / "none.so")}))
    assert not report.available
    assert "does not exist" in report.detail


def test_a_process_that_aborts_is_a_verdict_not_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.run
    monkeypatch.setattr(
        variant.subprocess,
        "run",
        lambda command, **options: real([sys.executable, "-c", "import os; os.abort()"], **options),
    )
    report = probe_variant("scalar", environment(tmp_path))
    assert not report.available
    assert "signal 6" in report.detail


def test_a_good_verdict_is_remembered_and_forgotten_when_the_library_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "libLLVM.so.19.1"
    library.write_bytes(b"v1")
    values = environment(tmp_path, **{LIBRARY_VARIABLE: str(library)})
    tries = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        tries.append(command)
        return subprocess.CompletedProcess(command, 0, "Mitsuba 0, LLVM 19\n", "")

    monkeypatch.setattr(variant.subprocess, "run", run)
    assert probe_variant("llvm", values) == probe_variant("llvm", values)
    assert len(tries) == 1
    library.write_bytes(b"v2, longer")
    probe_variant("llvm", values)
    assert len(tries) == 2


def test_a_damaged_record_costs_a_probe_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beltline").mkdir()
    (tmp_path / "beltline" / "renderer_variants.json").write_text("[1, 2")
    done = subprocess.CompletedProcess([], 0, "Mitsuba 0\n", "")
    monkeypatch.setattr(variant.subprocess, "run", lambda command, **options: done)
    assert probe_variant("scalar", environment(tmp_path)).available


def test_looking_at_variants_loads_no_renderer() -> None:
    code = (
        "import sys, unity_bridge.embedded.variant, unity_bridge.embedded.launcher\n"
        "loaded = {'mitsuba', 'drjit', 'grpc', 'cv2', 'numpy', 'mlagents_envs'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(loaded)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_scalar_runs_everywhere(tmp_path: Path) -> None:
    report = probe_variant("scalar", environment(tmp_path), fresh=True)
    assert report.available, report.detail
    assert report.detail.startswith("Mitsuba")


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(CapabilityMissingError, match="no renderer variant 'opengl'"):
        choose_variant("opengl")
