"""The gate: every frame is held to what its spec says, by named checks in one table.

A check returns a verdict with what it measured and what it allows. Its kind says what a failure means: `transient`, the
player slipped and the same spec is rendered again; `content`, the draw is bad and the frame is drawn anew; `confirmed`,
the same spec is rendered again, and a second failure counts as content.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID, FrameSpec
from contracts.generator import QualitySettings
from unity_bridge.quality.geometry import boxes_by_ids, labels_by_instance, surface_goes_on, world_points
from unity_bridge.quality.rendered import RenderedFrame

Kind = Literal["transient", "content", "confirmed"]

BLANK_SPREAD_MIN = 4.0
"""Smallest distance between the 1st and 99th percentile of any channel in an image that shows something."""
EDGE_SCORE_MAX = 2.0
"""Standard errors by which another place may fit the image's edges better than the masks' own."""
BORDER_CONTRAST_MIN = 1.2
"""Smallest contrast of the image along the masks' borders over that elsewhere; noise has 1, good frames over 1.9."""
GEOMETRY_OUTSIDE_MAX = 0.01
"""Largest share of an id's pixels whose depth lies outside the boxes of the parts that bear it."""
GEOMETRY_PIXELS_MIN = 12
"""Pixels of an id outside its boxes, from which that counts."""
GEOMETRY_SAMPLE_PX = 8192
"""About as many pixels of an id are looked at, evenly spread."""
HOLE_MIN_PX = 6
"""Smallest hole in an instance that counts."""


@dataclass(frozen=True)
class Verdict:
    """What one check says of one frame."""

    check: str
    kind: Kind
    passed: bool
    judged: bool
    """False where the frame gave too little to judge; such a verdict passes."""
    measured: float
    threshold: float
    message: str = ""
    """What is wrong, where it failed."""


@dataclass(frozen=True)
class Finding:
    """What a check found, before it is compared with what is allowed: more than `threshold` fails."""

    measured: float
    threshold: float
    message: str = ""
    judged: bool = True


CheckFunction = Callable[[RenderedFrame, QualitySettings], Finding]
CHECKS: dict[str, tuple[Kind, CheckFunction]] = {}
"""All checks by name, in the order they run."""


def check(name: str, kind: Kind) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check under a name, which records and summaries count it by."""

    def register(function: CheckFunction) -> CheckFunction:
        CHECKS[name] = (kind, function)
        return function

    return register


def inspect(frame: RenderedFrame, settings: QualitySettings) -> list[Verdict]:
    """Run every check."""
    verdicts = []
    for name, (kind, function) in CHECKS.items():
        found = function(frame, settings)
        passed = not found.judged or found.measured <= found.threshold
        message = "" if passed else found.message
        verdicts.append(Verdict(name, kind, passed, found.judged, found.measured, found.threshold, message))
    return verdicts


@check("palette_closed", "transient")
def _palette_closed(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """Masks hold no value that the spec does not give."""
    labels = {label.id for label in frame.spec.labels} | {IGNORE_ID}
    instances = {binding.instance for item in frame.spec.objects for binding in item.parts.values()} | {0}
    foreign_labels = sorted(set(np.unique(frame.mask).tolist()) - labels)
    foreign_instances = sorted(set(np.unique(frame.instances).tolist()) - instances)
    return Finding(
        len(foreign_labels) + len(foreign_instances),
        0,
        f"ids that the spec does not give: labels {foreign_labels}, instances {foreign_instances}",
    )


@check("masks_consistent", "transient")
def _masks_consistent(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """Every pixel of an instance bears a label that the spec gives to a part of that instance."""
    allowed = labels_by_instance(frame.spec)
    allowed[0] = allowed.get(0, set()) | {BACKGROUND_ID, IGNORE_ID}
    pairs, counts = np.unique(frame.instances.astype(np.uint32) << 8 | frame.mask, return_counts=True)
    wrong = {
        (int(pair) >> 8, int(pair) & 255): int(count)
        for pair, count in zip(pairs, counts, strict=True)
        if (int(pair) & 255) not in allowed.get(int(pair) >> 8, set())
    }
    names = {label.id: label.name for label in frame.spec.labels} | {IGNORE_ID: "unlabelled"}
    said = ", ".join(f"{n} px of instance {i} are '{names.get(v, v)}'" for (i, v), n in list(wrong.items())[:4])
    return Finding(sum(wrong.values()), 0, said)


@check("sidecar_consistent", "transient")
def _sidecar_consistent(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """Areas and boxes in the sidecar are those of the instance mask."""
    claimed = {item.id: (item.area_px, item.box) for item in frame.sidecar.instances}
    found: dict[int, tuple[int, tuple[int, int, int, int]]] = {}
    for instance in np.unique(frame.instances[frame.instances > 0]).tolist():
        pixels = (frame.instances == instance).astype(np.uint8)
        x, y, width, height = cv2.boundingRect(pixels)
        found[instance] = (int(np.count_nonzero(pixels)), (x, y, width, height))
    wrong = sorted(key for key in claimed.keys() | found.keys() if claimed.get(key) != found.get(key))
    names = {label.id: label.name for label in frame.spec.labels}
    labels = labels_by_instance(frame.spec)
    for item in frame.sidecar.instances:
        if item.label not in {names.get(value) for value in labels.get(item.id, set())} and item.id not in wrong:
            wrong.append(item.id)
    rendered, asked = frame.sidecar, frame.spec
    fields = ("camera", "exposure", "sensor", "facts")
    differing = [name for name in fields if getattr(rendered, name) != getattr(asked, name)]
    said = f"instances {wrong[:8]} differ from the mask" if wrong else f"{', '.join(differing)} differ from the spec"
    return Finding(len(wrong) + bool(differing), 0, said)


@check("not_blank", "transient")
def _not_blank(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """The colour image shows something."""
    low, high = np.percentile(frame.image.reshape(-1, 3), (1, 99), axis=0)
    spread = float((high - low).max())
    return Finding(-spread, -BLANK_SPREAD_MIN, f"the image is nearly constant: its values span {spread:.0f} of 255")


@check("image_fresh", "transient")
def _image_fresh(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """The colour image is not that of an earlier frame, unless that frame showed the very same scene."""
    twin = frame.earlier.get(frame.sidecar.files["image"])
    if twin is None or _scene_of(twin) == _scene_of(frame.spec):
        return Finding(0, 0)
    return Finding(1, 0, f"the image is that of frame {twin.frame.index}")


def _scene_of(spec: FrameSpec) -> dict[str, object]:
    """All that a picture depends on, which leaves out whose it is and the seed of the noise in it."""
    return spec.model_dump(exclude={"frame": True, "must_appear": True, "render": {"seed"}})


@check("labels_in_place", "transient")
def _labels_in_place(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """What a pixel shows lies, by its depth, in the box of a part that bears the pixel's ids: catches swapped ids,
    masks with holes, and depth or camera that do not belong to the masks."""
    if frame.depth is None:
        return Finding(0, GEOMETRY_OUTSIDE_MAX, judged=False)
    boxes = boxes_by_ids(frame.spec, frame.assets)
    depth = frame.depth.ravel()
    seen = np.flatnonzero(depth)
    if len(seen) < GEOMETRY_PIXELS_MIN:
        return Finding(0, GEOMETRY_OUTSIDE_MAX, judged=False)
    keys = frame.instances.ravel()[seen].astype(np.uint32) << 8 | frame.mask.ravel()[seen]
    worst, message = 0.0, ""
    names = {label.id: label.name for label in frame.spec.labels} | {IGNORE_ID: "unlabelled"}
    for key in np.unique(keys).tolist():
        pixels = seen[keys == key]
        stride = max(1, len(pixels) // GEOMETRY_SAMPLE_PX)
        sample = pixels[::stride]
        rows, columns = np.divmod(sample, frame.depth.shape[1])
        depth_m = depth[sample] / 1000.0
        points = world_points(frame.sidecar.camera, rows, columns, depth_m)
        margin_m = 0.002 + 0.002 * depth_m
        for box in boxes.get((key & 255, key >> 8), ()):
            outside = ~box.contains(points, margin_m)
            points, margin_m = points[outside], margin_m[outside]
            if not len(points):
                break
        share = len(points) / len(sample)
        if len(points) * stride >= GEOMETRY_PIXELS_MIN and share > worst:
            worst = share
            message = f"{share:.1%} of {len(pixels)} px of '{names.get(key & 255, key & 255)}' lie outside its parts"
    return Finding(worst, GEOMETRY_OUTSIDE_MAX, message)


@check("no_holes", "transient")
def _no_holes(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """No instance has a hole without ids in which its surface goes on; where one sees through it, the depth steps.

    A renderer's own holes only, and only where the surface is smooth for certain: any hole that came later is one that
    `sidecar_consistent` finds.
    """
    if frame.depth is None:
        return Finding(0, 0, judged=False)
    empty = ((frame.instances == 0) & ((frame.mask == BACKGROUND_ID) | (frame.mask == IGNORE_ID))).astype(np.uint8)
    count, components, stats, _ = cv2.connectedComponentsWithStats(empty, connectivity=4)
    height, width = frame.mask.shape
    holes, pixels = 0, 0
    for number in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[number])
        if area < HOLE_MIN_PX or x < 2 or y < 2 or x + w > width - 2 or y + h > height - 2:
            continue
        window = np.s_[y - 2 : y + h + 2, x - 2 : x + w + 2]
        hole = components[window] == number
        rim = (cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~hole
        depth = frame.depth[window]
        around = set(np.unique(frame.instances[window][rim]).tolist())
        if len(around) == 1 and around != {0} and depth[hole | rim].all() and surface_goes_on(depth, hole, rim):
            holes, pixels = holes + 1, pixels + area
    return Finding(holes, 0, f"{holes} holes with {pixels} px, in which the surface goes on without ids")


@check("edges_agree", "confirmed")
def _edges_agree(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """Edges of the colour image lie on the borders of the masks."""
    found = frame.edges
    x, y = found.offset_px
    return Finding(
        found.score,
        EDGE_SCORE_MAX,
        f"the image's edges lie {x:+d},{y:+d} px from the masks' borders",
        judged=found.judged,
    )


@check("borders_visible", "confirmed")
def _borders_visible(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """The colour image has more contrast along the borders of the masks than elsewhere, as no unrelated image has."""
    found = frame.edges
    return Finding(
        -found.contrast_ratio,
        -BORDER_CONTRAST_MIN,
        f"the image's contrast along the masks' borders is {found.contrast_ratio:.2f} times that elsewhere",
        judged=found.judged,
    )


@check("labels_present", "content")
def _labels_present(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """Every label that the spec demands is seen."""
    areas = np.bincount(frame.mask.ravel(), minlength=256)
    ids = {label.name: label.id for label in frame.spec.labels}
    missing = [
        f"{name} ({areas[ids[name]]} px)"
        for name in frame.spec.must_appear
        if areas[ids[name]] < settings.must_appear_min_px
    ]
    return Finding(len(missing), 0, f"labels that must appear do not: {', '.join(missing)}")


@check("pixels_labelled", "content")
def _pixels_labelled(frame: RenderedFrame, settings: QualitySettings) -> Finding:
    """No more pixels than allowed bear no label."""
    share = float(np.mean(frame.mask == IGNORE_ID))
    return Finding(share, settings.unlabelled_pixels_max, f"{share:.2%} of the pixels have no label")
