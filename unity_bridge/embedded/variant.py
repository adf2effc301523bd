"""Which Mitsuba variant this machine can run: CUDA, LLVM or scalar, found by trying each in a process of its own.

A probe is a process because some LLVM libraries (15 and 16) abort whoever loads them. Its verdict is kept in a small
file by the identity of everything it depends on, so that it costs once. Importing this module loads no renderer.

Command line: `python -m unity_bridge.embedded.variant` prints the reports as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from contracts.errors import CapabilityMissingError
from contracts.process import write_atomically

VariantName = Literal["cuda", "llvm", "scalar"]
VARIANTS: tuple[VariantName, ...] = ("cuda", "llvm", "scalar")
"""In order of preference."""
MITSUBA_VARIANT: dict[VariantName, str] = {"cuda": "cuda_ad_rgb", "llvm": "llvm_ad_rgb", "scalar": "scalar_rgb"}
LIBRARY_VARIABLE = "DRJIT_LIBLLVM_PATH"
"""Environment variable by which Dr.Jit is told where the LLVM library lies."""
OLDEST_LLVM = 17
"""14 is refused by Dr.Jit; 15 and 16 abort the process when a kernel is compiled."""
PREFERRED_LLVM = 19
PROBE_TIMEOUT_S = 180.0
_INSTALL_LLVM = f"install LLVM {PREFERRED_LLVM} (Debian, Ubuntu: apt-get install libllvm{PREFERRED_LLVM})"


@dataclass(frozen=True)
class VariantReport:
    """What is known of one variant.

    name: `cuda`, `llvm` or `scalar`.
    available: whether a test picture was rendered with it.
    detail: for people; says why not, and what to do about it.
    library: path of the LLVM library, for `llvm`.
    """

    name: VariantName
    available: bool
    detail: str
    library: str | None = None


def probe_variants(environment: Mapping[str, str] | None = None, fresh: bool = False) -> list[VariantReport]:
    """Try every variant, best first.

    Args:
        environment: Variables to look at; the process's own by default.
        fresh: Probe again, even where a verdict is on record.
    """
    values = os.environ if environment is None else environment
    return [probe_variant(name, values, fresh) for name in VARIANTS]


def choose_variant(wish: str = "auto", environment: Mapping[str, str] | None = None) -> VariantReport:
    """The best variant that runs here, or the one that is wished for.

    Raises:
        CapabilityMissingError: It does not run here; the message says why.
    """
    values = os.environ if environment is None else environment
    names = [name for name in VARIANTS if wish in ("auto", name)]
    if not names:
        raise CapabilityMissingError(f"there is no renderer variant '{wish}'", hint="auto, cuda, llvm or scalar")
    reports = []
    for name in names:
        reports.append(probe_variant(name, values))
        if reports[-1].available:
            return reports[-1]
    raise CapabilityMissingError(
        "; ".join(f"renderer variant {report.name}: {report.detail}" for report in reports),
        hint="`beltline doctor` shows what this machine can do",
    )


def probe_variant(name: VariantName, environment: Mapping[str, str], fresh: bool = False) -> VariantReport:
    """Try one variant, or recall the verdict of an earlier try."""
    if name == "cuda":
        if not (Path("/dev/nvidiactl").exists() or Path("/proc/driver/nvidia/version").exists()):
            return VariantReport(name, False, "no NVIDIA driver is loaded")
        return _probe(name, None, environment, fresh)
    if name == "scalar":
        return _probe(name, None, environment, fresh)
    chosen = environment.get(LIBRARY_VARIABLE)
    if chosen:
        if not Path(chosen).exists():
            return VariantReport(name, False, f"{LIBRARY_VARIABLE} names {chosen}, which does not exist", chosen)
        libraries = [(llvm_major(Path(chosen)), Path(chosen))]
    else:
        libraries = find_llvm()
    if not libraries:
        return VariantReport(name, False, f"no LLVM library was found; {_INSTALL_LLVM}")
    failed = []
    for major, library in libraries:
        if major is not None and major < OLDEST_LLVM:
            failed.append(VariantReport(name, False, f"LLVM {major} is too old; {_INSTALL_LLVM}", str(library)))
            continue
        report = _probe(name, library, environment, fresh)
        if report.available:
            return report
        failed.append(report)
    return failed[0]


def find_llvm() -> list[tuple[int | None, Path]]:
    """LLVM libraries of this machine with their major versions, the most promising first."""
    found: dict[Path, tuple[int | None, Path]] = {}
    for path in [*_libraries_of_linker(), *_libraries_in_folders()]:
        real = path.resolve()
        if real.is_file() and real not in found:
            found[real] = (llvm_major(real), real)
    return sorted(found.values(), key=lambda item: (_rank(item[0]), str(item[1])))


def llvm_major(path: Path) -> int | None:
    """Major version in a library's file name, such as `libLLVM-15.so.1` or `libLLVM.so.19.1`; none when it has none."""
    for candidate in (path.name, path.resolve().name):
        match = re.search(r"libLLVM(?:-(\d+)|\.so\.(\d+))", candidate)
        if match:
            return int(match[1] or match[2])
    return None


def _rank(major: int | None) -> tuple[int, int]:
    """19 first, then newer ones from the oldest on, then what names no version, then older ones from the newest on."""
    if major is None:
        return (1, 0)
    if major >= PREFERRED_LLVM:
        return (0, major)
    return (2, -major)


def _libraries_of_linker() -> list[Path]:
    for command in ("ldconfig", "/sbin/ldconfig", "/usr/sbin/ldconfig"):
        try:
            listing = subprocess.run([command, "-p"], capture_output=True, text=True, timeout=20, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        return [Path(match) for match in re.findall(r"libLLVM[^\s]*\s.*=>\s*(\S+)", listing)]
    return []


def _libraries_in_folders() -> list[Path]:
    patterns = ("*/libLLVM*.so*", "llvm-*/lib/libLLVM*.so*", "llvm*/lib64/libLLVM*.so*", "libLLVM*.so*")
    folders = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"), Path("/opt/homebrew/opt"))
    return [path for folder in folders for pattern in patterns for path in sorted(folder.glob(pattern))]


def _probe(name: VariantName, library: Path | None, environment: Mapping[str, str], fresh: bool) -> VariantReport:
    record = _record_file(environment)
    key = _identity(name, library)
    if not fresh:
        known = _recall(record, key)
        if known is not None:
            return known
    report = _try(name, library, environment)
    _remember(record, key, report)
    return report


def _try(name: VariantName, library: Path | None, environment: Mapping[str, str]) -> VariantReport:
    values = dict(environment)
    if library is not None:
        values[LIBRARY_VARIABLE] = str(library)
    root = str(Path(__file__).resolve().parents[2])
    values["PYTHONPATH"] = os.pathsep.join(part for part in (root, values.get("PYTHONPATH", "")) if part)
    command = [sys.executable, "-m", "unity_bridge.embedded.variant_probe", MITSUBA_VARIANT[name]]
    where = str(library) if library else None
    try:
        outcome = subprocess.run(
            command, env=values, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return VariantReport(name, False, f"the test picture took more than {PROBE_TIMEOUT_S:.0f} s", where)
    if outcome.returncode == 0:
        return VariantReport(name, True, outcome.stdout.strip().splitlines()[-1], where)
    last = [line for line in (outcome.stderr or outcome.stdout).strip().splitlines() if line.strip()]
    said = last[-1].strip()[:300] if last else "nothing"
    how = f"signal {-outcome.returncode}" if outcome.returncode < 0 else f"exit code {outcome.returncode}"
    return VariantReport(name, False, f"the test picture failed ({how}): {said}", where)


def _identity(name: VariantName, library: Path | None) -> str:
    """Digest of all that a verdict depends on."""
    parts = [name, sys.executable, sys.version, _version("mitsuba"), _version("drjit")]
    if library is not None:
        status = library.stat()
        parts += [str(library), str(status.st_size), str(status.st_mtime_ns)]
    driver = Path("/proc/driver/nvidia/version")
    if name == "cuda" and driver.exists():
        parts.append(driver.read_text(encoding="utf-8", errors="replace"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"


def _record_file(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "beltline" / "renderer_variants.json"


def _read_record(record: Path) -> dict[str, dict[str, object]]:
    try:
        values = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _recall(record: Path, key: str) -> VariantReport | None:
    values = _read_record(record).get(key)
    try:
        return VariantReport(**values) if values is not None else None  # type: ignore[arg-type]
    except TypeError:
        return None


def _remember(record: Path, key: str, report: VariantReport) -> None:
    """Keep a verdict. A folder that can't be written costs the next start a probe, and nothing else."""
    if not report.available:
        return  # what is missing today may be installed tomorrow
    values = _read_record(record)
    values[key] = asdict(report)
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(record, json.dumps(values, indent=1).encode())
    except OSError:
        return


if __name__ == "__main__":
    print(json.dumps([asdict(report) for report in probe_variants()], indent=1))
