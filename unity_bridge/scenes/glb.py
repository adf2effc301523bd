"""Binary glTF 2.0 (GLB): the form in which a model crosses from the worker to a player.

One node and one mesh a part, named as the part; float32 positions, normals and texture coordinates, uint32 indices;
no materials, no textures, no transforms. The same model always gives the same bytes, so that a file can be named by
its digest. glTF is y up: (x, y, z) of a model is stored as (x, z, -y), which loses nothing.

Source: Khronos glTF 2.0 specification, sections 3.6 (buffers), 3.7 (geometry) and 4 (GLB container).
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.errors import IntegrityError
from unity_bridge.scenes.mesh import Model, Part

_MAGIC = 0x46546C67
_JSON_CHUNK = 0x4E4F534A
_BINARY_CHUNK = 0x004E4942
_FLOAT = 5126
_UNSIGNED_INT = 5125
_ARRAY_BUFFER = 34962
_ELEMENT_ARRAY_BUFFER = 34963
_TRIANGLES = 4
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}
_HINT = "write the file again with `write_glb`; a player reads only what it writes"


def _y_up(z_up: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([z_up[:, 0], z_up[:, 2], -z_up[:, 1]], axis=1)


def _z_up(y_up: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([y_up[:, 0], -y_up[:, 2], y_up[:, 1]], axis=1)


class _BufferWriter:
    """Collects arrays into one binary chunk, with the views and accessors that describe them."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.length = 0
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: NDArray[Any], kind: str, target: int, with_bounds: bool = False) -> int:
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        self.views.append({"buffer": 0, "byteLength": len(data), "byteOffset": self.length, "target": target})
        accessor: dict[str, Any] = {
            "bufferView": len(self.views) - 1,
            "componentType": _FLOAT if array.dtype == np.float32 else _UNSIGNED_INT,
            "count": len(array),
            "type": kind,
        }
        if with_bounds:
            columns = np.ascontiguousarray(array.T)  # the extremes of a row are found many times faster
            accessor["min"] = [float(value) for value in columns.min(axis=1)]
            accessor["max"] = [float(value) for value in columns.max(axis=1)]
        self.accessors.append(accessor)
        self.chunks.append(data)
        self.length += len(data)  # every element is four bytes, so views stay aligned
        return len(self.accessors) - 1


def write_glb(model: Model) -> bytes:
    """The model as a GLB file. Deterministic: equal models give equal bytes."""
    buffer = _BufferWriter()
    meshes: list[dict[str, Any]] = []
    for part in model.parts:
        attributes = {
            "NORMAL": buffer.add(_y_up(part.normals), "VEC3", _ARRAY_BUFFER),
            "POSITION": buffer.add(_y_up(part.vertices), "VEC3", _ARRAY_BUFFER, with_bounds=True),
        }
        if part.uvs is not None:
            attributes["TEXCOORD_0"] = buffer.add(part.uvs, "VEC2", _ARRAY_BUFFER)
        indices = buffer.add(part.faces.ravel(), "SCALAR", _ELEMENT_ARRAY_BUFFER)
        meshes.append(
            {"name": part.name, "primitives": [{"attributes": attributes, "indices": indices, "mode": _TRIANGLES}]}
        )
    document = {
        "accessors": buffer.accessors,
        "asset": {"generator": "beltline", "version": "2.0"},
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.length}],
        "meshes": meshes,
        "nodes": [{"mesh": index, "name": part.name} for index, part in enumerate(model.parts)],
        "scene": 0,
        "scenes": [{"name": model.name, "nodes": list(range(len(model.parts)))}],
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + buffer.length
    return b"".join(
        [
            struct.pack("<III", _MAGIC, 2, total),
            struct.pack("<II", len(text), _JSON_CHUNK),
            text,
            struct.pack("<II", buffer.length, _BINARY_CHUNK),
            *buffer.chunks,
        ]
    )


def _malformed(what: str) -> IntegrityError:
    return IntegrityError(f"the GLB file cannot be read: {what}", code="glb_malformed", hint=_HINT)


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    if len(data) < 20:
        raise _malformed(f"it holds {len(data)} bytes, fewer than a header")
    magic, version, total = struct.unpack_from("<III", data, 0)
    if magic != _MAGIC or version != 2:
        raise _malformed("it does not start as binary glTF 2.0")
    if total != len(data):
        raise _malformed(f"its header says {total} bytes, there are {len(data)}")
    found: list[bytes] = []
    offset = 12
    for expected in (_JSON_CHUNK, _BINARY_CHUNK):
        if offset + 8 > len(data):
            raise _malformed("a chunk is missing")
        length, kind = struct.unpack_from("<II", data, offset)
        if kind != expected or offset + 8 + length > len(data):
            raise _malformed(f"the chunk at byte {offset} has the wrong kind or length")
        found.append(data[offset + 8 : offset + 8 + length])
        offset += 8 + length
    if offset != len(data):
        raise _malformed(f"{len(data) - offset} bytes follow the last chunk")
    try:
        document = json.loads(found[0])
    except ValueError as error:
        raise _malformed(f"its JSON chunk is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise _malformed("its JSON chunk is not an object")
    return document, found[1]


def _array(
    document: dict[str, Any], binary: bytes, index: int, kind: str, component: int
) -> NDArray[np.float32] | NDArray[np.uint32]:
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    if accessor["type"] != kind or accessor["componentType"] != component or "sparse" in accessor:
        raise _malformed(f"accessor {index} is not a plain {kind} of component type {component}")
    if "byteStride" in view or view["buffer"] != 0 or accessor.get("byteOffset", 0) != 0:
        raise _malformed(f"accessor {index} is interleaved or lies in another buffer")
    start, count = int(view.get("byteOffset", 0)), int(accessor["count"])
    columns = _COMPONENTS[kind]
    if (
        count < 1
        or start < 0
        or int(view["byteLength"]) != 4 * columns * count
        or start + 4 * columns * count > len(binary)
    ):
        raise _malformed(f"accessor {index} does not fit its bytes")
    dtype = np.dtype("<f4") if component == _FLOAT else np.dtype("<u4")
    values = np.frombuffer(binary, dtype, count=columns * count, offset=start)
    return values.reshape(count, columns) if columns > 1 else values


def _part(document: dict[str, Any], binary: bytes, node: dict[str, Any]) -> Part:
    name = node["name"]
    if not set(node) <= {"mesh", "name"}:
        raise _malformed(f"node '{name}' has a transform or children")
    primitives = document["meshes"][node["mesh"]]["primitives"]
    if len(primitives) != 1 or primitives[0].get("mode", _TRIANGLES) != _TRIANGLES:
        raise _malformed(f"the mesh of node '{name}' is not one list of triangles")
    attributes = primitives[0]["attributes"]
    indices = _array(document, binary, primitives[0]["indices"], "SCALAR", _UNSIGNED_INT)
    if len(indices) % 3:
        raise _malformed(f"the {len(indices)} indices of node '{name}' are not triangles")
    uvs = None
    if "TEXCOORD_0" in attributes:
        uvs = _array(document, binary, attributes["TEXCOORD_0"], "VEC2", _FLOAT)
    return Part(
        name,
        _z_up(_array(document, binary, attributes["POSITION"], "VEC3", _FLOAT)),
        indices.reshape(-1, 3),
        _z_up(_array(document, binary, attributes["NORMAL"], "VEC3", _FLOAT)),
        uvs,
    )


def read_glb(data: bytes) -> Model:
    """The model in a GLB file as `write_glb` writes it, in the model's own frame (z up).

    Raises IntegrityError for anything else: truncated bytes, transforms, other component types, several primitives a
    mesh, indices out of range.
    """
    document, binary = _chunks(data)
    try:
        scene = document["scenes"][document["scene"]]
        nodes = [document["nodes"][index] for index in scene["nodes"]]
        parts = tuple(_part(document, binary, node) for node in nodes)
        name = scene["name"]
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise _malformed(f"its description is incomplete or inconsistent ({type(error).__name__}: {error})") from error
    return Model(name, parts)
