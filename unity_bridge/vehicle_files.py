"""GLB files of users' own vehicles, read whole: what every mesh is called, where it stands, what it is made of.

Names, materials and textures are read from the file's JSON here; trimesh reads the buffers and the node transforms.
A file is refused rather than half understood: a part whose name says nothing would become a wrong mask.

Source: Khronos glTF 2.0 specification, sections 3.5 to 3.9 (scenes, buffers, geometry, textures, materials).
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.errors import ConfigurationError
from contracts.own_assets import OwnVehicle

LARGEST_TEXTURE_PX = 2048
"""Larger textures are scaled down."""
LENGTH_M = (1.0, 30.0)
"""Of a vehicle, of which a wrong unit shows."""
MAXIMUM_TRIANGLES = 3_000_000
_JSON, _BINARY, _TRIANGLES, _STRIP, _FLOAT = 0x4E4F534A, 0x004E4942, 4, 5, 5126
_UNDERSTOOD = ("KHR_materials_", "KHR_lights_punctual")
_AXES = {"x": (1, 0, 0), "-x": (-1, 0, 0), "z": (0, 0, 1), "-z": (0, 0, -1)}
_NAMED_MOST = 8


@dataclass(frozen=True)
class VehicleMaterial:
    """How a mesh looks.

    finish: `own`, or that of the generator's paint or glass in its place. base_color: linear, 0 to 1; of glass, its
    transmittance. texture: PNG file, or none.
    """

    finish: str
    base_color: tuple[float, float, float]
    metallic: float
    roughness: float
    is_glass: bool
    texture: bytes | None


@dataclass(frozen=True)
class VehicleMesh:
    """One mesh in the vehicle's frame (x forward, y left, z up, origin on the ground under its middle), metres.

    vertices: (V, 3) float64; faces: (F, 3) int64, counterclockwise from outside; normals: (V, 3) float64 or None;
    uvs: (V, 2) float64 or None, origin at the image's top left. name: unique, begins with the node's.
    """

    name: str
    label: str
    material: VehicleMaterial
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    normals: NDArray[np.float64] | None
    uvs: NDArray[np.float64] | None


def read_vehicle(data: bytes, own: OwnVehicle, where: str) -> tuple[VehicleMesh, ...]:
    """Every mesh of the file's scene.

    Args:
        data: The file.
        own: What the generator says of it.
        where: What an error calls it.

    Raises:
        ConfigurationError: It is no GLB file, uses what is not understood here, or holds a part without a label, a
            mesh without area, a vehicle of impossible size; the first fault of the most telling kind.
    """
    document, binary = _chunks(data, where)
    try:
        _check_features(document, where)
        nodes = _labelled_nodes(document, own, where)
        materials = _materials(document, binary, own, where)
        meshes = _read(document, binary, nodes, materials, where)
    except (KeyError, IndexError, TypeError, AttributeError, AssertionError, ValueError, struct.error) as error:
        raise _fault(
            where, f"its content contradicts itself ({type(error).__name__}: {error})", "export it again", "malformed"
        ) from error
    return _placed(meshes, own, where)


def _fault(where: str, what: str, remedy: str, code: str) -> ConfigurationError:
    return ConfigurationError(f"{where}: {what}", code=f"own_vehicle_{code}", hint=remedy)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED_MOST} more" if len(names) > _NAMED_MOST else ""
    return ", ".join(f"'{name}'" for name in names[:_NAMED_MOST]) + more


def _chunks(data: bytes, where: str) -> tuple[dict[str, Any], bytes]:
    """JSON and binary chunk."""
    if len(data) < 20 or data[:4] != b"glTF" or struct.unpack_from("<I", data, 4)[0] != 2:
        raise _fault(where, "no binary glTF 2.0 file", "export the vehicle as .glb (glTF 2.0, one file)", "not_glb")
    found: dict[int, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        length, kind = struct.unpack_from("<II", data, place)
        if place + 8 + length > len(data):
            raise _fault(where, "the file is truncated", "export or copy it again", "malformed")
        found.setdefault(kind, data[place + 8 : place + 8 + length])
        place += 8 + length
    try:
        document = json.loads(found.get(_JSON, b""))
    except ValueError as error:
        raise _fault(where, f"its JSON can't be read ({error})", "export it again", "malformed") from None
    if not isinstance(document, dict):
        raise _fault(where, "its JSON is no object", "export it again", "malformed")
    return document, found.get(_BINARY, b"")


def _check_features(document: dict[str, Any], where: str) -> None:
    strange = [name for name in document.get("extensionsRequired", []) if not name.startswith(_UNDERSTOOD)]
    if strange:
        remedy = "export without mesh compression, quantization and texture transforms"
        raise _fault(where, f"it needs the extension {_listed(strange)}", remedy, "unsupported")
    if any("uri" in item for kind in ("buffers", "images") for item in document.get(kind, [])):
        raise _fault(where, "it refers to other files", "pack buffers and textures into the .glb", "unsupported")
    if any("sparse" in accessor for accessor in document.get("accessors", [])):
        raise _fault(where, "it has sparse accessors", "apply shape keys, then export again", "unsupported")


@dataclass(frozen=True)
class _Node:
    index: int
    name: str
    label: str


def _labelled_nodes(document: dict[str, Any], own: OwnVehicle, where: str) -> list[_Node]:
    """Every node of the scene that has a mesh, with its label: that of its own name, or of the nearest one above it."""
    found, unnamed, unmapped, used = [], [], [], set[str]()
    for index, names in _scene_nodes(document):
        node = document["nodes"][index]
        if "mesh" not in node:
            continue
        said = (_matched(name, own.parts, f"{where}: node '{name}'", used) for name in names)
        label = next((label for label in said if label is not None), None)
        if label is not None:
            found.append(_Node(index, str(node.get("name", names[0] if names else index)), label))
        elif node.get("name"):
            unmapped.append(str(node["name"]))
        else:
            unnamed.append(index)
    if unnamed:
        raise _fault(
            where,
            f"{len(unnamed)} of its meshes stand in nodes without a name, such as node {unnamed[0]}",
            "name the objects where the file was made, and label the names under `parts`",
            "unnamed",
        )
    if unmapped:
        remedy = "list them under `parts`, by name or pattern, with a label or `background`"
        raise _fault(where, f"no label for {_listed(unmapped)}", remedy, "unmapped")
    _check_used(own.parts, used, f"{where}: parts", "node")
    if not found:
        raise _fault(where, "its scene shows no mesh", "export the objects that are to be seen", "empty")
    return found


def _scene_nodes(document: dict[str, Any]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Nodes of the default scene, with their names from their own upwards."""
    scene = document["scenes"][document.get("scene", 0)]
    waiting: list[tuple[int, tuple[str, ...]]] = [(index, ()) for index in reversed(scene.get("nodes", []))]
    seen: set[int] = set()
    while waiting:
        index, above = waiting.pop()
        if index in seen:
            raise ValueError(f"node {index} has two parents")
        seen.add(index)
        node = document["nodes"][index]
        names = (str(node["name"]), *above) if node.get("name") else above
        yield index, names
        waiting += [(child, names) for child in reversed(node.get("children", []))]


def _matched(name: str, patterns: Mapping[str, str], what: str, used: set[str]) -> str | None:
    """What the patterns say of a name: the name itself goes before patterns that fit it. Fitting ones join `used`."""
    fitting = [name] if name in patterns else [pattern for pattern in patterns if fnmatchcase(name, pattern)]
    used.update(fitting)
    said = {patterns[pattern] for pattern in fitting}
    if len(said) > 1:
        raise ConfigurationError(
            f"{what} fits {_listed(sorted(fitting))}, which say {', '.join(sorted(said))}",
            code="own_vehicle_ambiguous",
            hint="name it in full, or narrow the patterns",
        )
    return said.pop() if said else None


def _check_used(patterns: Mapping[str, str], used: set[str], where: str, what: str) -> None:
    idle = sorted(set(patterns) - used)
    if idle:
        raise _fault(where, f"no {what} is called {_listed(idle)}", "mend the spelling, or leave it out", "unmapped")


def _materials(document: dict[str, Any], binary: bytes, own: OwnVehicle, where: str) -> list[VehicleMaterial]:
    """Every material of the file, and at the end the one of meshes that have none."""
    used: set[str] = set()
    pictures: dict[int, bytes] = {}
    found = []
    for index, item in enumerate(document.get("materials", [])):
        name = str(item.get("name", ""))
        finish = _matched(name, own.materials, f"{where}: material '{name}'", used) or "own"
        found.append(_material(document, binary, item, finish, pictures, f"{where}: material '{name or index}'"))
    _check_used(own.materials, used, f"{where}: materials", "material")
    return [*found, _material(document, binary, {}, "own", pictures, where)]


def _material(
    document: dict[str, Any],
    binary: bytes,
    item: dict[str, Any],
    finish: str,
    pictures: dict[int, bytes],
    where: str,
) -> VehicleMaterial:
    surface = item.get("pbrMetallicRoughness", {})
    *color, alpha = (min(max(float(value), 0.0), 1.0) for value in surface.get("baseColorFactor", (1, 1, 1, 1)))
    transmission = item.get("extensions", {}).get("KHR_materials_transmission", {}).get("transmissionFactor", 0.0)
    passing = max(float(transmission), 1 - alpha if item.get("alphaMode") == "BLEND" else 0.0)
    is_glass = passing > 0.2
    texture = None
    if finish == "own" and not is_glass and "baseColorTexture" in surface:
        used = surface["baseColorTexture"]
        if used.get("texCoord", 0) != 0 or "KHR_texture_transform" in used.get("extensions", {}):
            remedy = "bake the texture to the first set of texture coordinates"
            raise _fault(where, "its texture has coordinates of another set or a transform", remedy, "unsupported")
        source = document["textures"][used["index"]].get("source")
        if source is None:
            raise _fault(where, "its texture is neither PNG nor JPEG", "export textures as PNG or JPEG", "texture")
        if source not in pictures:
            pictures[source] = _picture(document, binary, document["images"][source], where)
        texture = pictures[source]
    red, green, blue = (round(value * passing if is_glass else value, 5) for value in color)
    return VehicleMaterial(
        finish,
        (red, green, blue),
        round(min(max(float(surface.get("metallicFactor", 1.0)), 0.0), 1.0), 5),
        round(min(max(float(surface.get("roughnessFactor", 1.0)), 0.0), 1.0), 5),
        is_glass,
        texture,
    )


def _picture(document: dict[str, Any], binary: bytes, image: dict[str, Any], where: str) -> bytes:
    """An image of the file as an opaque PNG file."""
    view = document["bufferViews"][image["bufferView"]]
    start = int(view.get("byteOffset", 0))
    data = binary[start : start + int(view["byteLength"])]
    is_known = data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if is_known else None
    if pixels is None:
        kind = image.get("mimeType", "no kind that is named")
        remedy = "export textures as PNG or JPEG"
        raise _fault(where, f"its texture ({kind}) can't be read as PNG or JPEG", remedy, "texture")
    shrink = LARGEST_TEXTURE_PX / max(pixels.shape[:2])
    if shrink < 1:
        pixels = cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def _read(
    document: dict[str, Any], binary: bytes, nodes: list[_Node], materials: list[VehicleMaterial], where: str
) -> list[VehicleMesh]:
    """The meshes in the file's own world frame.

    trimesh gets the file with one node for each primitive, named by our own numbers: it would else rename what is
    called alike, and join or part meshes as it sees fit.
    """
    import trimesh  # heavy, and only generators with own vehicles need it

    plain: dict[str, Any] = {
        "asset": {"version": "2.0"},
        **{key: document[key] for key in ("accessors", "bufferViews", "buffers")},
        "nodes": [
            {key: node[key] for key in ("children", "matrix", "translation", "rotation", "scale") if key in node}
            | {"name": f"n{index}"}
            for index, node in enumerate(document["nodes"])
        ],
        "scenes": [{"nodes": document["scenes"][document.get("scene", 0)]["nodes"]}],
        "scene": 0,
        "meshes": [],
    }
    owners: list[tuple[_Node, dict[str, Any]]] = []
    for node in nodes:
        for primitive in document["meshes"][document["nodes"][node.index]["mesh"]]["primitives"]:
            place = len(owners)
            plain["meshes"].append(
                {"name": f"m{place}", "primitives": [_plain(document, primitive, f"{where}: node '{node.name}'")]}
            )
            parent = plain["nodes"][node.index]
            parent["children"] = [*parent.get("children", []), len(plain["nodes"])]
            plain["nodes"].append({"name": f"p{place}", "mesh": place})
            owners.append((node, primitive))
    scene = trimesh.load_scene(io.BytesIO(_packed(plain, binary)), file_type="glb", process=False, skip_materials=True)
    found = []
    for place, (node, primitive) in enumerate(owners):
        matrix, geometry = scene.graph.get(f"p{place}")
        mesh = scene.geometry[geometry]
        said = f"{where}: node '{node.name}'"
        material = materials[primitive.get("material", len(materials) - 1)]
        found.append(_mesh(mesh, np.asarray(matrix), f"{node.name[:100]} {place}", node.label, material, said))
    if sum(len(mesh.faces) for mesh in found) > MAXIMUM_TRIANGLES:
        remedy = "reduce the meshes; 300 000 are plenty at the size of a training image"
        raise _fault(where, f"more than {MAXIMUM_TRIANGLES} triangles", remedy, "too_large")
    return found


def _plain(document: dict[str, Any], primitive: dict[str, Any], where: str) -> dict[str, Any]:
    """A primitive with what is read of it; normals and texture coordinates under names that trimesh leaves alone."""
    mode = primitive.get("mode", _TRIANGLES)
    if mode not in (_TRIANGLES, _STRIP):
        raise _fault(where, "it holds lines, points or a fan", "export triangles only", "unsupported")
    attributes = primitive["attributes"]
    renamed = {"POSITION": "POSITION", "NORMAL": "_NORMAL", "TEXCOORD_0": "_UV"}
    kept = {renamed[name]: index for name, index in attributes.items() if name in renamed}
    for name in ("POSITION", "_NORMAL"):
        if name in kept and document["accessors"][kept[name]]["componentType"] != _FLOAT:
            raise _fault(where, "its vertices are quantized", "export without mesh quantization", "unsupported")
    return {"attributes": kept, "mode": mode} | {key: primitive[key] for key in ("indices",) if key in primitive}


def _packed(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += bytes(-len(binary) % 4)
    total = 28 + len(text) + len(binary)
    head = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<II", len(text), _JSON)
    return head + text + struct.pack("<II", len(binary), _BINARY) + binary


def _mesh(
    mesh: Any, matrix: NDArray[np.float64], name: str, label: str, material: VehicleMaterial, where: str
) -> VehicleMesh:
    vertices = np.asarray(mesh.vertices, dtype=np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = np.asarray(mesh.faces, dtype=np.int64).reshape(-1, 3)
    if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise ValueError(f"a triangle of '{name}' names a vertex that there is not")
    if not np.isfinite(vertices).all():
        raise _fault(where, "its vertices hold numbers that are not finite", "mend the mesh", "degenerate")
    edges = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    if not len(faces) or not np.linalg.norm(edges, axis=1).sum() > 0:
        raise _fault(where, "its mesh has no area", "remove it, or undo the scale of zero", "degenerate")
    normals = mesh.vertex_attributes.get("_NORMAL")
    if normals is not None:
        normals = np.asarray(normals, dtype=np.float64) @ np.linalg.pinv(matrix[:3, :3])
    uvs = mesh.vertex_attributes.get("_UV")
    if uvs is not None:
        whole = float(np.iinfo(uvs.dtype).max) if np.issubdtype(uvs.dtype, np.integer) else 1.0
        uvs = np.asarray(uvs, dtype=np.float64) / whole
    if material.texture is not None and (uvs is None or not np.isfinite(uvs).all()):
        raise _fault(where, "it has a texture and no coordinates for it", "unwrap the mesh", "texture")
    turned = faces[:, ::-1] if np.linalg.det(matrix[:3, :3]) < 0 else faces
    return VehicleMesh(name, label, material, vertices, turned, normals, uvs)


def _placed(meshes: list[VehicleMesh], own: OwnVehicle, where: str) -> tuple[VehicleMesh, ...]:
    """The meshes turned forward, in metres, standing on the ground with their middle at the origin."""
    forward, up = np.array(_AXES[own.forward], dtype=np.float64), np.array([0.0, 1.0, 0.0])
    turn = np.stack([forward, np.cross(up, forward), up])
    turned = [mesh.vertices @ turn.T * own.unit_m for mesh in meshes]
    low = np.min([vertices.min(axis=0) for vertices in turned], axis=0)
    high = np.max([vertices.max(axis=0) for vertices in turned], axis=0)
    length_m, width_m, height_m = high - low
    if not LENGTH_M[0] <= length_m <= LENGTH_M[1] or length_m < width_m or not 0.3 < height_m < 6:
        raise _fault(
            where,
            f"it is {length_m:.3g} m long, {width_m:.3g} m wide and {height_m:.3g} m high",
            "say by `unit_m` how many metres a unit is, and by `forward` which axis points ahead (glTF: y is up)",
            "size",
        )
    origin = np.array([0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), low[2]])
    return tuple(
        VehicleMesh(
            mesh.name,
            mesh.label,
            mesh.material,
            vertices - origin,
            mesh.faces,
            None if mesh.normals is None else mesh.normals @ turn.T,
            mesh.uvs,
        )
        for mesh, vertices in zip(meshes, turned, strict=True)
    )
