"""GLB files: exact round trip, same bytes for the same model, strict reading, and readable by another program."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from contracts.errors import IntegrityError
from unity_bridge.scenes.glb import read_glb, write_glb
from unity_bridge.scenes.mesh import Model, Part, same_content, unit


@st.composite
def parts(draw: st.DrawFn, name: str) -> Part:
    count = draw(st.integers(3, 12))
    finite = st.floats(-1e6, 1e6, width=32)
    vertices = draw(hnp.arrays(np.float32, (count, 3), elements=finite))
    normals = unit(draw(hnp.arrays(np.float32, (count, 3), elements=st.floats(-1, 1, width=32))))
    faces = draw(hnp.arrays(np.uint32, (draw(st.integers(1, 9)), 3), elements=st.integers(0, count - 1)))
    uvs = draw(st.none() | hnp.arrays(np.float32, (count, 2), elements=st.floats(-4, 4, width=32)))
    return Part(name, vertices, faces, normals, uvs)


@st.composite
def models(draw: st.DrawFn) -> Model:
    names = draw(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True))
    return Model(draw(st.text(max_size=8)), tuple(draw(parts(name)) for name in names))


@settings(max_examples=60)
@given(models())
def test_round_trip_is_exact_and_bytes_are_repeatable(model: Model) -> None:
    data = write_glb(model)
    again = read_glb(data)
    assert same_content(again, model)
    assert write_glb(again) == data


def small_model() -> Model:
    vertices = [[0, 0, 0], [2, 0, 0], [0, 3, 0], [0, 0, 5]]
    faces = [[0, 2, 1], [0, 1, 3]]
    first = Part("left_mirror", vertices, faces, unit(np.ones((4, 3))), np.zeros((4, 2)))
    return Model("pair", (first, Part("hood", np.array(vertices) + 1, faces, unit(np.ones((4, 3))))))


def test_another_program_reads_the_same_parts_and_bounds() -> None:
    model = small_model()
    scene = trimesh.load(io.BytesIO(write_glb(model)), file_type="glb", process=False)
    assert set(scene.geometry) == set(model.part_names)
    low, high = model.bounds
    np.testing.assert_allclose(scene.bounds, [[low[0], low[2], -high[1]], [high[0], high[2], -low[1]]])


def test_up_axis_is_converted() -> None:
    data = write_glb(small_model())
    length = struct.unpack_from("<I", data, 12)[0]
    accessors = json.loads(data[20 : 20 + length])["accessors"]
    assert accessors[1]["max"] == [2.0, 5.0, 0.0]
    assert accessors[1]["min"] == [0.0, 0.0, -3.0]


@settings(max_examples=80)
@given(st.data())
def test_truncated_files_are_refused(data: st.DataObject) -> None:
    whole = write_glb(small_model())
    with pytest.raises(IntegrityError, match="GLB"):
        read_glb(whole[: data.draw(st.integers(0, len(whole) - 1))])


@settings(max_examples=200)
@given(st.integers(0, 1500), st.integers(1, 255))
def test_a_damaged_byte_is_refused_or_gives_a_valid_model(position: int, change: int) -> None:
    damaged = bytearray(write_glb(small_model()))
    damaged[position % len(damaged)] ^= change
    try:
        model = read_glb(bytes(damaged))
    except IntegrityError:
        return
    for part in model.parts:
        assert part.faces.max() < len(part.vertices)
        assert np.isfinite(part.vertices).all()


def edited(change: dict) -> bytes:
    data = write_glb(small_model())
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    for key, value in change.items():
        document["nodes"][0][key] = value
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + data[20 + length :]
    return struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body


@pytest.mark.parametrize("change", [{"translation": [0, 0, 1]}, {"mesh": 7}, {"name": "hood"}, {"mesh": None}])
def test_what_the_writer_never_writes_is_refused(change: dict) -> None:
    with pytest.raises(IntegrityError):
        read_glb(edited(change))
