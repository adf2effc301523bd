"""The frame that a Unity player renders of itself before it meets a worker, and what must be found in it.

Two boxes, the nearer one hiding a part of the other, off the middle of an image whose principal point is off it too:
whatever is mirrored, upside down, shifted or unlit shows.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera, Exposure
from contracts.frame_spec import (
    Environment,
    FrameIdentity,
    FrameSpec,
    Label,
    Material,
    PartBinding,
    RenderSettings,
    SceneObject,
    asset_file_name,
)
from contracts.ids import canonical_json, digest_of
from unity_bridge.preflight import box_model, uniform_hdr
from unity_bridge.scenes.composition import AssetCollector, look_at
from unity_bridge.scenes.photometry import exposure_for

SIZE_PX = (96, 64)
FOCAL_PX = 80.0
PRINCIPAL_PX = (44.0, 36.0)
EYE_M = (0.0, -4.0, 0.0)
SKY_CD_M2 = 3000.0
BOXES = {"target": ((-1.1, 0.0, 0.6), 1.0), "screen": ((-0.65, -1.0, 0.35), 0.4)}
"""Middle and side in metres, in the order of their rows."""
LINE_WIDTH = 112


def self_test() -> tuple[FrameSpec, dict[str, bytes]]:
    """The spec, and its assets by digest."""
    assets = AssetCollector()
    objects = [
        SceneObject(
            name=name,
            asset=assets.add_model(box_model(name, (side, side, side))),
            world_from_object=((1, 0, 0, x), (0, 1, 0, y), (0, 0, 1, z), (0, 0, 0, 1)),
            parts={"box": PartBinding(material=name, label=name, instance=number)},
        )
        for number, (name, ((x, y, z), side)) in enumerate(BOXES.items(), start=1)
    ]
    environment = Environment(
        image=assets.add_hdr(uniform_hdr()),
        world_from_environment=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        luminance_cd_m2=SKY_CD_M2,
    )
    spec = FrameSpec(
        frame=FrameIdentity(generator="self-test", generator_digest=digest_of(b"self-test"), seed=0, index=0),
        camera=Camera(
            width_px=SIZE_PX[0],
            height_px=SIZE_PX[1],
            K=((FOCAL_PX, 0, PRINCIPAL_PX[0]), (0, FOCAL_PX, PRINCIPAL_PX[1]), (0, 0, 1)),
            world_from_camera=look_at(EYE_M, (0.0, 0.0, 0.0)),
        ),
        exposure=Exposure(ev100=exposure_for([], environment)),
        labels=(
            Label(id=0, name="background", color=(0, 0, 0)),
            Label(id=1, name="target", color=(255, 0, 0)),
            Label(id=2, name="screen", color=(0, 255, 0)),
        ),
        materials={
            "target": Material(base_color=(0.8, 0.02, 0.02), roughness=1.0),
            "screen": Material(base_color=(0.02, 0.8, 0.02), roughness=1.0),
        },
        objects=tuple(objects),
        environment=environment,
        render=RenderSettings(samples_per_pixel=1, maximum_bounces=1, denoise=False),
        assets=assets.table,
    )
    return spec, assets.data


def expected() -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """(H, W) rows of the id table, (H, W) depth in metres, and how much of the target shows."""
    down, across = np.mgrid[: SIZE_PX[1], : SIZE_PX[0]] + 0.5
    # The camera looks along +y, with +x to its right and +z above it; rays have length 1 along its axis.
    rays = np.stack(
        [(across - PRINCIPAL_PX[0]) / FOCAL_PX, np.ones_like(down), (PRINCIPAL_PX[1] - down) / FOCAL_PX], axis=-1
    )
    rows, depth = np.zeros(rays.shape[:2], np.int64), np.full(rays.shape[:2], np.inf)
    hits = []
    for row, (middle, side) in enumerate(BOXES.values(), start=1):
        to_low, to_high = (np.array(middle) - EYE_M - half for half in (side / 2, -side / 2))
        first, second = to_low / rays, to_high / rays
        enter, leave = np.minimum(first, second).max(axis=2), np.maximum(first, second).min(axis=2)
        hit = (enter <= leave) & (enter > 0)
        hits.append(hit)
        nearer = hit & (enter < depth)
        rows[nearer], depth[nearer] = row, enter[nearer]
    return rows, np.where(rows, depth, 0), float((rows == 1).sum() / hits[0].sum())


def constants() -> str:
    """C# constants with the frame and what must be found in it."""
    spec, data = self_test()
    visible = expected()[2]
    files = [(asset_file_name(asset.digest, asset.media_type), data[asset.digest]) for asset in spec.assets]
    lines = [
        "// Written by scripts/unity_project.py from scripts/unity_self_test.py; `make schemas` writes it again.",
        "using System.Collections.Generic;",
        "",
        "namespace Beltline.Core",
        "{",
        "    /// <summary>The frame that a player renders of itself, and what must be found in it.</summary>",
        "    static class SelfTestFrame",
        "    {",
        "        /// <summary>Pixel, row of the id table, and metres.</summary>",
        "        public static readonly SelfTestProbe[] Probes =",
        "        {",
        *(
            f"            new SelfTestProbe({column}, {line}, {row}, {metres:.6g}),"
            for column, line, row, metres in probes()
        ),
        "        };",
        "",
        "        /// <summary>Visible share of the first instance.</summary>",
        f"        public const double VisibleFraction = {visible:.6g};",
        "",
        f"        public const double SkyCdM2 = {SKY_CD_M2:g};",
        "",
        "        public static readonly Dictionary<string, string> Files = new Dictionary<string, string>",
        "        {",
        *(f'            {{ "{name}",\n{_text(base64.b64encode(content).decode(), 16)} }},' for name, content in files),
        "        };",
        "",
        "        public const string Spec =",
        f"{_text(canonical_json(spec).decode(), 12)};",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def probes() -> list[tuple[int, int, int, float]]:
    """Column, line, row of the id table and metres of the pixel deepest within what shows of each box, as far as
    squares around it tell."""
    rows, depth, _ = expected()
    found = []
    for row in range(1, len(BOXES) + 1):
        shown = rows == row
        while (smaller := _eroded(shown)).any():
            shown = smaller
        line, column = np.argwhere(shown)[0]
        found.append((int(column), int(line), row, float(depth[line, column])))
    return found


def _eroded(shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(shown, 1)
    parts = [padded[down : down + shown.shape[0], across : across + shown.shape[1]] for down, across in _SQUARE]
    return np.asarray(np.logical_and.reduce(parts))


_SQUARE = [(down, across) for down in range(3) for across in range(3)]


def _text(value: str, indent: int) -> str:
    """A C# expression of a long text, on lines of their own."""
    return " +\n".join(
        " " * indent + f'"{piece}"' for piece in _pieces(value.replace("\\", "\\\\").replace('"', '\\"'))
    )


def _pieces(value: str) -> Iterator[str]:
    """No escape is cut in two."""
    while value:
        length = min(LINE_WIDTH - 20, len(value))
        if value[:length].endswith("\\") and length < len(value):
            length += 1
        yield value[:length]
        value = value[length:]
