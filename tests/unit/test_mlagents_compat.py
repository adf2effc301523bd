"""Importing mlagents_envs under the installed protobuf and Python."""

from __future__ import annotations

import subprocess
import sys

import pytest

from contracts.errors import CapabilityMissingError
from unity_bridge.mlagents_compat import StrictVersion, serialized_descriptor, unity_environment


def test_messages_survive_a_round_trip() -> None:
    unity_environment()
    from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto

    message = UnityMessageProto()
    message.header.status = 200
    message.unity_output.rl_initialization_output.communication_version = "1.5.0"
    message.unity_output.rl_output.side_channel = b"\x00\xff"
    assert UnityMessageProto.FromString(message.SerializeToString()) == message


def test_the_environment_speaks_the_known_protocol_and_leaves_no_stand_in_behind() -> None:
    # In a fresh interpreter where every warning is an error: Python 3.11 warns of distutils, 3.12 has none.
    code = (
        "import sys; from unity_bridge.mlagents_compat import unity_environment; "
        "assert 'distutils' not in sys.modules; E = unity_environment(); assert 'distutils' not in sys.modules; "
        "assert E._check_communication_compatibility('1.0.0', E.API_VERSION, '0'); "
        "assert not E._check_communication_compatibility('2.0.0', E.API_VERSION, '0'); print(E.API_VERSION)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "1.5.0"), done.stderr


@pytest.mark.parametrize(
    "source",
    [
        "D = _descriptor.FileDescriptor(name='x', serialized_pb=_b('\\n\\xff'))",
        "D = _descriptor.FileDescriptor(name='x', serialized_pb=b'\\n\\xff')",
        "D = pool.Default().AddSerializedFile(b'\\n\\xff')",
    ],
)
def test_descriptors_are_found_in_every_form_protoc_wrote(source: str) -> None:
    assert serialized_descriptor(source, "x_pb2.py") == b"\n\xff"


def test_a_module_without_descriptor_is_named() -> None:
    with pytest.raises(CapabilityMissingError, match=r"x_pb2\.py"):
        serialized_descriptor("import os", "x_pb2.py")


def test_versions_compare_as_numbers() -> None:
    assert StrictVersion("1.10.0") > StrictVersion("1.9")
    assert StrictVersion("1.0.0b2") < StrictVersion("1.0")
    assert StrictVersion("1.5.0").version == (1, 5, 0)
    with pytest.raises(ValueError, match="latest"):
        StrictVersion("latest")
