"""A car of boxes as other people's tools write it: a GLB file by trimesh, for tests of users' own vehicles."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import trimesh
from PIL import Image
from trimesh.transformations import rotation_matrix, scale_matrix, translation_matrix
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

LENGTH_M, WIDTH_M, HEIGHT_M = 4.4, 1.9, 1.75
LABELS = {
    "body*": "body",
    "bonnet": "hood",
    "screen": "windshield",
    "wheel_fl": "front_left_wheel",
    "wheel_fr": "front_right_wheel",
    "back_axle": "back_left_wheel",
}
PAINT = PBRMaterial(name="CarPaint", baseColorFactor=[0.8, 0.1, 0.1, 1.0], metallicFactor=0.25, roughnessFactor=0.375)
RUBBER = PBRMaterial(name="Rubber", baseColorFactor=[0.05, 0.05, 0.05, 1.0], metallicFactor=0.0, roughnessFactor=1.0)
GLASS = PBRMaterial(name="Glass", baseColorFactor=[1.0, 1.0, 1.0, 0.25], alphaMode="BLEND")


def car(*, turn_deg: float = 0.0, unit: float = 1.0, normals: bool = True, texture: bool = False) -> bytes:
    """The car, with y up. turn_deg: about y, from looking along z. unit: units of the file for a metre."""
    world = scale_matrix(unit) @ rotation_matrix(np.deg2rad(turn_deg), [0, 1, 0])
    scene = trimesh.Scene()
    scene.graph.update(frame_from="world", frame_to="car", matrix=world)

    def add(
        name: str, size: tuple[float, float, float], place: tuple[float, float, float], made: Any, parent: str
    ) -> None:
        mesh = trimesh.creation.box(size)
        mesh.unmerge_vertices()  # so that its corners are sharp
        mesh.visual = TextureVisuals(material=made)
        scene.add_geometry(mesh, node_name=name, parent_node_name=parent, transform=translation_matrix(place))

    add("body_lower", (1.8, 0.7, LENGTH_M), (0, 0.65, 0), PAINT, "car")
    add("body_upper", (1.6, 0.75, 2.0), (0, 1.375, -0.3), PAINT, "car")
    add("bonnet", (1.7, 0.1, 1.1), (0, 1.0, 1.5), PAINT, "car")
    add("screen", (1.5, 0.6, 0.05), (0, 1.35, 0.75), GLASS, "car")
    scene.graph.update(frame_from="car", frame_to="back_axle", matrix=translation_matrix((0, 0.3, -1.4)))
    for name, side, parent in (("wheel_fl", 1, "car"), ("wheel_fr", -1, "car"), ("rim_1", 1, "back_axle")):
        add(name, (0.2, 0.6, 0.6), (side * 0.85, *((0, 0) if parent == "back_axle" else (0.3, 1.4))), RUBBER, parent)
    if texture:
        picture = Image.fromarray(
            np.repeat(np.repeat(np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8), 16, axis=0), 32, axis=1)
        )
        roof = trimesh.Trimesh(
            [[-0.8, 1.77, 0.7], [0.8, 1.77, 0.7], [0.8, 1.77, -1.3], [-0.8, 1.77, -1.3]],
            [[0, 1, 2], [0, 2, 3]],
            process=False,
        )
        made = PBRMaterial(name="Sticker", baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=0.5)
        # trimesh counts v from below: the picture's upper, red half lies to the front.
        roof.visual = TextureVisuals(uv=[[0, 1], [1, 1], [1, 0], [0, 0]], material=made)
        scene.add_geometry(roof, node_name="body_sticker", parent_node_name="car")
    return bytes(scene.export(file_type="glb", include_normals=normals))


def changed(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A GLB file whose JSON is changed."""
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    return (
        struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest))
        + struct.pack("<II", len(text), 0x4E4F534A)
        + text
        + rest
    )


def node(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A node of a GLB file's JSON by name."""
    return next(item for item in document["nodes"] if item.get("name") == name)
