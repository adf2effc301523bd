"""Makes `mlagents_envs` 0.28 importable with any protobuf from 3.20 on and any Python from 3.11 to 3.13.

Its generated protobuf modules date from 2017, and protobuf 4 and later refuse to run them. The message descriptors in
them are plain data, though: they are read from the installed files' syntax trees (nothing is executed), put into the
descriptor pool, and modules of the same names are built from them before anything imports the originals.

Its one other need is `distutils.version.StrictVersion`, which Python 3.12 dropped and Python 3.11 warns of: a small
stand-in is visible while `mlagents_envs.environment` is imported, and only then.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sys
import threading
import types
from functools import total_ordering
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.internal import builder

from contracts.errors import CapabilityMissingError

if TYPE_CHECKING:
    from mlagents_envs.environment import UnityEnvironment

PACKAGE = "mlagents_envs.communicator_objects"
_lock = threading.RLock()


def install() -> None:
    """Register the ML-Agents messages. Call it before importing anything of `mlagents_envs.communicator_objects`.

    Idempotent, and safe to call from several threads.

    Raises:
        CapabilityMissingError: `mlagents_envs` is not installed, or not in a form that is known here.
    """
    with _lock:
        if f"{PACKAGE}.unity_message_pb2" in sys.modules:
            return
        files = _descriptor_files()
        for name in files:
            _register(name, files)


def unity_environment() -> type[UnityEnvironment]:
    """`mlagents_envs.environment.UnityEnvironment`, imported with all it needs.

    Raises:
        CapabilityMissingError: `mlagents_envs` is not installed, or not in a form that is known here.
    """
    with _lock:
        install()
        if "mlagents_envs.environment" not in sys.modules:
            _import_environment()
        environment: type[UnityEnvironment] = sys.modules["mlagents_envs.environment"].UnityEnvironment
        return environment


def _import_environment() -> None:
    package, module = types.ModuleType("distutils"), types.ModuleType("distutils.version")
    module.StrictVersion = StrictVersion  # type: ignore[attr-defined]
    package.version = module  # type: ignore[attr-defined]
    stand_ins = {"distutils": package, "distutils.version": module}
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        importlib.import_module("mlagents_envs.environment")
    finally:
        for name, original in before.items():
            if original is None:
                del sys.modules[name]
            else:
                sys.modules[name] = original


@total_ordering
class StrictVersion:
    """What `mlagents_envs` uses of the class of this name: `1.5.0` as a tuple of three numbers in `version`.

    Raises:
        ValueError: The text is not two or three numbers with an optional pre-release such as `b1`.
    """

    def __init__(self, text: str) -> None:
        match = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?", text)
        if match is None:
            raise ValueError(f"invalid version number '{text}'")
        self.version = (int(match[1]), int(match[2]), int(match[3] or 0))
        self.prerelease = (match[4], int(match[5])) if match[4] else None

    def _key(self) -> tuple[tuple[int, int, int], tuple[str, int]]:
        return self.version, self.prerelease or ("~", 0)  # a release follows its pre-releases

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StrictVersion) and self._key() == other._key()

    def __lt__(self, other: StrictVersion) -> bool:
        return self._key() < other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def _descriptor_files() -> dict[str, tuple[str, bytes, list[str]]]:
    """Installed descriptors: proto file name to module name, serialized descriptor and the files it depends on."""
    spec = importlib.util.find_spec("mlagents_envs")
    if spec is None or spec.origin is None:
        raise CapabilityMissingError("mlagents_envs is not installed", hint="run `make setup`")
    files = {}
    for path in sorted((Path(spec.origin).parent / "communicator_objects").glob("*_pb2.py")):
        data = serialized_descriptor(path.read_text(encoding="utf-8"), str(path))
        proto = descriptor_pb2.FileDescriptorProto.FromString(data)
        files[proto.name] = (path.stem, data, list(proto.dependency))
    return files


def serialized_descriptor(source: str, name: str) -> bytes:
    """The serialized `FileDescriptorProto` in the source of a generated module, found without running it.

    Raises:
        CapabilityMissingError: There is none.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr == "AddSerializedFile" and node.args:  # protoc from 3.19 on
            return _bytes_of(node.args[0], name)
        if node.func.attr == "FileDescriptor":
            for keyword in node.keywords:
                if keyword.arg == "serialized_pb":
                    return _bytes_of(keyword.value, name)
    raise _unknown_form(name)


def _bytes_of(node: ast.expr, name: str) -> bytes:
    if isinstance(node, ast.Call) and node.args:  # _b('...'): text that stands for Latin-1 bytes
        node = node.args[0]
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
        return node.value
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.encode("latin-1")
    raise _unknown_form(name)


def _unknown_form(name: str) -> CapabilityMissingError:
    return CapabilityMissingError(
        f"{name} holds no message descriptor in a known form", hint="install mlagents-envs 0.28.0, as `make setup` does"
    )


def _register(name: str, files: dict[str, tuple[str, bytes, list[str]]]) -> None:
    """Build the module of a proto file after those of the files it depends on."""
    stem, data, dependencies = files[name]
    module_name = f"{PACKAGE}.{stem}"
    if module_name in sys.modules:
        return
    for dependency in dependencies:
        if dependency in files:
            _register(dependency, files)
    pool = descriptor_pool.Default()
    descriptor = pool.AddSerializedFile(data) or pool.FindFileByName(name)
    contents: dict[str, Any] = {"DESCRIPTOR": descriptor}
    builder.BuildMessageAndEnumDescriptors(descriptor, contents)
    builder.BuildTopDescriptorsAndMessages(descriptor, module_name, contents)
    module = types.ModuleType(module_name, f"Messages of {name}.")
    vars(module).update(contents)
    sys.modules[module_name] = module
    setattr(importlib.import_module(PACKAGE), stem, module)
