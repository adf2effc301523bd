"""The C# core of the Unity player, run under Mono beside the Python it must agree with."""

from __future__ import annotations

import json
import math
import struct
from random import Random
from typing import Any

import numpy as np
import pytest
import rfc8785
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.errors import RenderError
from contracts.frame import FrameSidecar, Instance, PlayerIdentity
from contracts.frame_spec import FrameSpec
from contracts.ids import canonical_json, digest_of
from contracts.player_protocol import CHANNEL_ID, PLAYER_MESSAGE, Hello, RenderDone, RenderFailed, RenderRequest
from tests.unity import random_specs
from tests.unity.mono_core import MonoCore
from unity_bridge.embedded.checks import parse_spec

PLAYER = PlayerIdentity(name="mono", version="1.0.0")
SEEN = Instance(id=3, label="box", area_px=12, box=(1, 2, 3, 4), visible_fraction=1 / 3)
IN_ONE_PROCESS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
NUMBERS = (
    *("01", "+1", "1.", ".5", "-", "1e", "1e+", "--1", "0x1", "1_0", "NaN", "Infinity", "-Infinity", "1e400"),
    *("-0", "-0.0", "0e5", "1E2", "1e-400", "13.000000000000001", "9007199254740993", "1" + "0" * 25, "1" * 400),
    *("1" * 4301, "true", "null", '"1"', "[1]", "{}", "1 2", "1,", " 13 ", "\t13\n", "\u00a013"),
)
STRINGS = (
    *('"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude97"', '"\\u00e9"', '"\\u0000"', '"\\x41"', '"\\"', '"a', '"a\nb"'),
    *('"\\b\\f\\n\\r\\t\\/"', '"tab\there"', '"\x7f"', "'a'", '"\\u12"', '"\\u 123"', '"\\u+123"', '"🚗"'),
)


def verdict_here(text: str) -> tuple[str, str] | None:
    """Code and field of what the Python side refuses a spec for."""
    try:
        parse_spec(text)
    except RenderError as error:
        return error.code, plain_field(str(error.context["field"]))
    return None


def plain_field(field: str) -> str:
    """A field without the names of a union's branches and the mark of a mapping's key, which are pydantic's own."""
    parts = field.removesuffix(".[key]").split(".")
    return ".".join(parts[:2] if parts[0] == "facts" else parts)


def verdict_there(answer: dict[str, Any]) -> tuple[str, str] | None:
    """Code and field of what the C# side refuses a spec for."""
    return (answer["code"], plain_field(answer["field"])) if "code" in answer else None


def sidecar_here(text: str) -> str:
    """The sidecar that the embedded player would write, but for its name and what it saw."""
    spec, digest = parse_spec(text), digest_of(text.encode())
    echoed = {name: getattr(spec, name) for name in FrameSidecar.model_fields if name in FrameSpec.model_fields}
    sidecar = FrameSidecar(
        **echoed, spec_digest=digest, instances=(SEEN,), files={"image": digest, "mask": digest}, player=PLAYER
    )
    return canonical_json(sidecar).decode()


def compare(core: MonoCore, text: str) -> bool:
    """Both sides read a spec alike; whether they accept it."""
    there = core.ask("sidecar", text)
    here = verdict_here(text)
    assert verdict_there(there) == here, (there, text)
    if here is not None:
        return False
    assert there["digest"] == digest_of(text.encode())
    assert there["sidecar"] == sidecar_here(text)
    return True


def compare_many(core: MonoCore, seeds: range) -> None:
    accepted = 0
    for seed in seeds:
        rng = Random(seed)
        spec = random_specs.random_spec(rng, whole=rng.random() < 0.85)
        if rng.random() < 0.6:
            spec = random_specs.damage(spec, rng)
        text = random_specs.written(spec, rng)
        if rng.random() < 0.1:
            text = random_specs.damage_text(text, rng)
        accepted += compare(core, text)
    # Neither side may win by refusing, or accepting, all of them.
    assert 0.2 < accepted / len(seeds) < 0.6


def test_random_specs_are_read_alike(core: MonoCore) -> None:
    """Accepted or refused alike, for the same field; same digests, same sidecars."""
    compare_many(core, range(300))


@pytest.mark.slow
def test_ten_thousand_random_specs_are_read_alike(core: MonoCore) -> None:
    compare_many(core, range(1000, 11000))


@pytest.mark.parametrize("place", ["exposure.ev100", "render.seed", "objects.0.name"])
def test_odd_json_is_read_alike(core: MonoCore, place: str) -> None:
    """Where two JSON readers differ: odd numbers, lone surrogates, control characters."""
    spec = next(spec for spec in map(whole_spec, range(50)) if spec["objects"])
    target: Any = spec
    *parents, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    for part in parents:
        target = target[part]
    target[last] = "HERE"
    text = json.dumps(spec)
    for value in (*NUMBERS, *STRINGS):
        compare(core, text.replace('"HERE"', value))


def test_odd_documents_are_read_alike(core: MonoCore) -> None:
    """What is no document, and members given twice."""
    text = canonical_json(whole_spec(1)).decode()
    assert compare(core, text)
    assert compare(core, " \r\n" + text + "\t")
    assert compare(core, '{"frame": 9, ' + text[1:])
    for odd in ("", " ", "null", "[]", "1", text + text, text + ",", "\ufeff" + text, "[" * 5000, text[:-1], "\x00"):
        assert not compare(core, odd)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("focal_px", [5e-324, 1e-300, 1e300, 1.7e308])
def test_lenses_that_are_hardly_any_are_read_alike(core: MonoCore, focal_px: float, axis: int) -> None:
    """Numbers whose quotients overflow: neither side may stumble, and they accept and refuse the same."""
    spec = whole_spec(3)
    spec["camera"]["K"] = [[50, 0, 8], [0, 50, 8], [0, 0, 1]]
    spec["camera"]["K"][axis][axis] = focal_px
    for distortion in ([0.0] * 5, [-0.1, 0, 0, 0, 0], [1e-320, 0, 0, 0, 0], [0, 0, 0, 0, 1e308], [0, 0, 1e200, 0, 0]):
        spec["camera"]["distortion"] = distortion
        compare(core, json.dumps(spec))


def whole_spec(seed: int) -> dict[str, Any]:
    """The first spec from a seed on that is accepted."""
    while True:
        spec = random_specs.random_spec(Random(seed))
        if verdict_here(json.dumps(spec)) is None:
            return spec
        seed += 1000


@IN_ONE_PROCESS
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=20, max_size=60))
@example([5e-324, 2.0**-1022, 2.0**-1022 - 5e-324, 1.7976931348623157e308, 1e21, 1e-7, 1e-6, 123456789012345680000.0])
@example([2.0**power for power in range(-1074, 1024)])
@example([math.nextafter(2.0**power, 0) for power in range(-1073, 1024)])
@example([float(f"{digit}e{power}") for power in range(-30, 30) for digit in range(1, 10)])
def test_numbers_are_written_as_ecmascript_writes_them(core: MonoCore, numbers: list[float]) -> None:
    texts = [rfc8785.dumps(number).decode() for number in numbers]
    assert core.ask("numbers", " ".join(map(bits_of, numbers))) == texts
    assert core.ask("bits", " ".join(texts)) == [bits_of(float(text)) for text in texts]


def bits_of(number: float) -> str:
    """A double's 64 bits as an integer."""
    return str(struct.unpack("<q", struct.pack("<d", number))[0])


def test_numbers_are_read_as_the_closest_double(core: MonoCore) -> None:
    """Mono's own double.Parse gives 0.38341726369010243 for the first of these."""
    rng = Random(0)
    texts = ["0.3834172636901024", "-7.180632611601379", "2.068073487674152", "5e-324", "2.4703282292062327e-324"]
    texts += ["2.4703282292062328e-324", "1.7976931348623158e308", "1.7976931348623159e308", "1e-99999999999", "-0.0"]
    texts += ["0." + "0" * 400 + "1", "9007199254740993", "9007199254740993." + "0" * 900 + "1", "1e400", "0e999"]
    texts += [f"{rng.uniform(-1, 1) * 10.0 ** rng.randint(-30, 30):.{rng.randint(14, 20)}e}" for _ in range(4000)]
    middles = (rng.getrandbits(53) | 1 << 53 | 1 for _ in range(200))  # just between two doubles
    texts += [str(middle) for middle in middles]
    assert core.ask("bits", " ".join(texts)) == [bits_of(float(text)) for text in texts]


_TEXT = st.text(max_size=300)


@IN_ONE_PROCESS
@given(_TEXT, _TEXT, _TEXT, st.sampled_from([0, 1, 2**31 - 1, 2**31, 1.0, 1.5, True, "1", None]), st.booleans())
@example("é" * 10, "Ümlaut/車", "x", 5, True)
def test_requests_are_read_alike(
    core: MonoCore, spec: str, assets: str, folder: str, request_id: Any, ascii_only: bool
) -> None:
    """UTF-8 names survive, and what could be answered is known by its id."""
    document = {"type": "render", "request_id": request_id, "spec": spec, "assets": assets, "folder": folder}
    answer = core.ask("request", json.dumps(document, ensure_ascii=ascii_only))
    refused = refused_field(json.dumps(document))
    if refused is None:
        expected = {"request_id": request_id, "spec_digest": digest_of(spec.encode())}
        assert answer == expected | {"assets": assets, "folder": folder}
        return
    answerable = type(request_id) is int and 1 <= request_id < 2**31
    assert answer == {"code": "invalid_request", "field": refused, "answerable": request_id if answerable else 0}


def refused_field(request: str) -> str | None:
    """The field that the Python side refuses a request for."""
    try:
        RenderRequest.model_validate_json(request, strict=True)
    except ValidationError as error:
        return ".".join(map(str, error.errors()[0]["loc"]))
    return None


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b'{"request_id": 4, "spec": "\xc3"}', b"[]", b"\xef\xbb\xbf{}"])
def test_a_message_that_is_no_request_is_refused(core: MonoCore, payload: bytes) -> None:
    assert core.ask("request", payload)["code"] == "invalid_request"


@IN_ONE_PROCESS
@given(st.text(max_size=400), st.text(max_size=50))
@example("🚗" * 250, "objects.3.asset")
def test_messages_are_what_the_worker_reads(core: MonoCore, text: str, field: str) -> None:
    answer = core.ask("messages", text, field)
    assert bytes(answer["channel"]) == CHANNEL_ID.bytes_le
    hello, done, failed = (PLAYER_MESSAGE.validate_json(message, strict=True) for message in answer["messages"])
    assert isinstance(hello, Hello)
    assert hello.player == PLAYER
    assert text.startswith(hello.device)
    digests = {"spec_digest": digest_of(text.encode()), "sidecar_digest": digest_of(field.encode())}
    assert done == RenderDone(request_id=7, **digests)
    message = f"{field}: {text}" if field else text
    assert failed == RenderFailed(request_id=8, code="invalid_spec", message=message, field=field)


@pytest.mark.parametrize("seed", range(6))
def test_masks_and_instances_follow_from_the_id_pass(core: MonoCore, seed: int) -> None:
    """An image of rows gives both masks, and the instances that show in them."""
    rng = np.random.default_rng(seed)
    spec = whole_spec(seed)
    spec["camera"] |= {"width_px": 16, "height_px": 24, "K": [[16, 0, 8], [0, 16, 12], [0, 0, 1]]}
    spec["camera"]["distortion"] = [0, 0, 0, 0, 0]
    parts = [part | {"instance": int(rng.integers(0, 4)), "label": "box"} for part in PARTS[:4]]
    parts += [part | {"instance": int(rng.integers(1, 4))} for part in PARTS[4:]]
    spec["materials"] = {"m": {}}
    spec["objects"] = [
        {
            "name": f"object {number}",
            "asset": next(asset["digest"] for asset in spec["assets"] if asset["media_type"] == "model/gltf-binary"),
            "world_from_object": np.eye(4).tolist(),
            "parts": dict(zip("abcd", group, strict=False)),
        }
        for number, group in enumerate((parts[:3], parts[3:6], parts[6:]))
    ]
    rows = rng.choice(len(parts) + 1, (24, 16), p=np.r_[0.5, np.full(len(parts), 0.5 / len(parts))]).astype(np.uint8)
    ids = {label["name"]: label["id"] for label in spec["labels"]}
    row_labels = np.array([0, *(255 if part["label"] is None else ids[part["label"]] for part in parts)], np.uint8)
    row_instances = np.array([0, *(part["instance"] for part in parts)])
    labels, instances = row_labels[rows], row_instances[rows]
    answer = core.ask("masks", json.dumps(spec), rows.tobytes(), "1:300 2:4")
    assert np.array_equal(np.reshape(answer["labels"], rows.shape), labels)
    assert np.array_equal(np.reshape(answer["instances"], rows.shape), instances)
    assert answer["see_through"] == [True, *(part["see_through"] for part in parts)]
    assert [item["id"] for item in answer["listed"]] == sorted({*instances.ravel().tolist()} - {0})
    names = {label["id"]: label["name"] for label in spec["labels"]}
    for item in answer["listed"]:
        shown = instances == item["id"]
        down, across = np.nonzero(shown)
        assert item["area_px"] == shown.sum()
        assert item["box"] == [across.min(), down.min(), np.ptp(across) + 1, np.ptp(down) + 1]
        assert item["label"] == names[int(np.bincount(labels[shown]).argmax())]
        covered = {1: 300, 2: 4}.get(item["id"], 0)
        assert item["visible_fraction"] == shown.sum() / max(shown.sum(), covered)


PARTS: list[dict[str, Any]] = [
    {"material": "m", "label": label, "see_through": see_through}
    for label, see_through in [
        *(("box", False), ("box", True), ("ball", False), ("ball", False)),
        *(("background", False), ("seat_belt", False), ("seat_belt", True), ("ball", False)),
    ]
]


def test_a_row_that_no_part_has_is_refused(core: MonoCore) -> None:
    """A pass that drew something else must not become a mask."""
    answer = core.ask("masks", json.dumps(whole_spec(0)), bytes([0, 200]), "")
    assert answer["code"] == "internal"
    assert "200" in answer["message"]
