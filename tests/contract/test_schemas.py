"""The exported JSON Schemas are current, and say everything that a reader of a frame spec must hold."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.document import parse_json
from contracts.errors import ConfigurationError, NotFoundError
from contracts.frame import FrameSidecar
from contracts.frame_spec import FrameSpec, check_references
from contracts.ids import canonical_json
from contracts.schemas import DOCUMENTS, export, export_text

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
DIGEST = "sha256:" + "0" * 64
POSE = [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]
CAMERA = {
    "width_px": 64,
    "height_px": 48,
    "K": [[50.0, 0, 32.0], [0, 50.0, 24.0], [0, 0, 1.0]],
    "distortion": [0.1, 0, 0, 0, 0],
    "world_from_camera": POSE,
}
FRAME = {"generator": "sketch", "generator_digest": DIGEST, "seed": 0, "index": 3, "attempt": 0}
SPEC = {
    "schema_version": 1,
    "frame": FRAME,
    "camera": CAMERA,
    "exposure": {"ev100": 12.5, "white_balance_gains": [1.0, 1.0, 1.1]},
    "sensor": {"motion_blur_px": 1.5, "motion_blur_angle_deg": -30.0, "iso_gain": 0.5, "jpeg_quality": 80},
    "labels": [{"id": 0, "name": "background", "color": [0, 0, 0]}, {"id": 1, "name": "door", "color": [255, 0, 0]}],
    "materials": {"paint": {"model": "surface", "base_color": [0.5, 0.5, 0.5], "metallic": 0.3, "roughness": 0.4}},
    "objects": [
        {
            "name": "car",
            "asset": DIGEST,
            "world_from_object": POSE,
            "parts": {"left_door": {"material": "paint", "label": "door", "instance": 1, "see_through": False}},
        }
    ],
    "lights": [{"direction": [0, 0, -1.0], "illuminance_lux": 50000.0, "color": [1.0, 1.0, 1.0]}],
    "environment": {
        "image": "sha256:" + "1" * 64,
        "world_from_environment": [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]],
        "luminance_cd_m2": 3000.0,
    },
    "render": {"samples_per_pixel": 4, "maximum_bounces": 4, "denoise": False, "seed": 7},
    "assets": [
        {"digest": DIGEST, "media_type": "model/gltf-binary"},
        {"digest": "sha256:" + "1" * 64, "media_type": "image/vnd.radiance"},
    ],
    "must_appear": ["door"],
    "facts": {"belt_state": "twisted", "belt_route": ["d_ring", "tongue"]},
}
SIDECAR = {
    "schema_version": 1,
    "frame": FRAME,
    "spec_digest": DIGEST,
    "camera": CAMERA,
    "exposure": SPEC["exposure"],
    "sensor": SPEC["sensor"],
    "facts": {"belt_state": "twisted", "belt_route": ["d_ring", "tongue"]},
    "instances": [{"id": 1, "label": "door", "area_px": 12, "box": [3, 4, 5, 6], "visible_fraction": 0.5}],
    "files": {"image": DIGEST, "mask": DIGEST, "instances": DIGEST, "depth": DIGEST},
    "player": {"name": "embedded", "version": "0.1.0"},
}
# Whole numbers written as 1.0 are left out: canonical JSON writes them as 1, so that no reader ever meets one.
ODD_VALUES = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 255, 256, 65536, 2**31, 2**63, 0.5, -0.5, 1.5, 1e300),
        *("", "door", "Door", "sha256:x", DIGEST, [], [1], [1, 2, 3], [1, 2, 3, 4, 5, 6], {}, {"a": 1}),
    ]
)
BOTH = pytest.mark.parametrize(
    ("document", "model", "good"), [("frame-spec", FrameSpec, SPEC), ("frame-sidecar", FrameSidecar, SIDECAR)]
)


def places(value, path=()):
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def taken_by_schema(document, value):
    validator = jsonschema.Draft202012Validator(export(document))
    return validator.is_valid(value)


def taken_by_reader(model, value):
    try:
        parse_json(model, json.dumps(value))
    except ConfigurationError:
        return False
    return True


@pytest.mark.parametrize("document", sorted(DOCUMENTS))
def test_exported_schema_is_current_and_a_schema(document):
    assert (FOLDER / f"{document}.schema.json").read_text() == export_text(document), "run `make schemas`"
    jsonschema.Draft202012Validator.check_schema(export(document))


def test_no_schema_is_left_from_an_earlier_document():
    assert {path.name for path in FOLDER.iterdir()} == {f"{document}.schema.json" for document in DOCUMENTS}


def test_unknown_document_is_refused_with_the_nearest_name():
    with pytest.raises(NotFoundError, match="frame-spec"):
        export("frame_spec")


@pytest.mark.parametrize(
    ("document", "model", "good"), [("frame-spec", FrameSpec, SPEC), ("frame-sidecar", FrameSidecar, SIDECAR)]
)
def test_the_good_document_is_good(document, model, good):
    assert taken_by_schema(document, good)
    assert taken_by_reader(model, good)


@settings(max_examples=400)
@given(st.data())
@pytest.mark.parametrize(
    ("document", "model", "good"), [("frame-spec", FrameSpec, SPEC), ("frame-sidecar", FrameSidecar, SIDECAR)]
)
def test_schema_and_reader_take_and_refuse_the_same(document, model, good, data):
    value = copy.deepcopy(good)
    for _ in range(data.draw(st.integers(1, 2), label="changes")):
        *path, last = data.draw(st.sampled_from([place for place in places(value) if place]), label="place")
        parent = value
        for part in path:
            parent = parent[part]
        change = data.draw(st.sampled_from(["replace", "remove", "add"]), label="change")
        if change == "replace":
            parent[last] = copy.deepcopy(data.draw(ODD_VALUES, label="value"))
        elif change == "remove":
            del parent[last]
        elif isinstance(parent, dict):
            parent["unheard_of"] = 1
        else:
            parent.append(parent[last])
    assert taken_by_schema(document, value) == taken_by_reader(model, value), value


@pytest.mark.parametrize("name", ["Belt State", "", "_belt", "b" * 64])
def test_a_key_of_another_form_is_refused_by_schema_and_reader(name):
    value = {**SPEC, "facts": {name: "correct"}}
    assert not taken_by_schema("frame-spec", value)
    assert not taken_by_reader(FrameSpec, value)


def test_references_that_a_schema_cannot_say_are_checked():
    assert check_references(parse_json(FrameSpec, json.dumps(SPEC))) == []
    for path, change, fault in [
        (("objects", 0, "parts", "left_door", "material"), "chrome", "no material 'chrome'"),
        (("objects", 0, "parts", "left_door", "label"), "hood", "no label 'hood'"),
        (("objects", 0, "asset"), "sha256:" + "2" * 64, "no GLB asset"),
        (("environment", "image"), DIGEST, "no HDR asset"),
        (("must_appear",), ["hood"], "no label 'hood'"),
        (("labels", 1, "id"), 0, "must be unique"),
        (("materials", "paint", "base_color_texture"), DIGEST, "no PNG asset"),
    ]:
        value = copy.deepcopy(SPEC)
        parent = value
        for part in path[:-1]:
            parent = parent[part]
        parent[path[-1]] = change
        assert any(fault in found for found in check_references(parse_json(FrameSpec, json.dumps(value)))), path


def test_canonical_json_does_not_depend_on_order_or_spelling_of_numbers():
    spec = parse_json(FrameSpec, json.dumps(SPEC))
    shuffled = json.dumps(dict(reversed(SPEC.items()))).replace("50000.0", "5e4")
    assert canonical_json(spec) == canonical_json(parse_json(FrameSpec, shuffled))
