"""A rendered frame as the gate sees it: read back from the bytes on disk, whatever the player claims."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from contracts.errors import FrameRejectedError
from contracts.frame import (
    DEPTH_FILE,
    IMAGE_FILE,
    INSTANCES_FILE,
    MASK_FILE,
    SIDECAR_FILE,
    FileRole,
    FrameSidecar,
)
from contracts.frame_spec import FrameSpec
from contracts.ids import Digest, digest_of
from unity_bridge.quality.edges import EdgeAgreement, edge_agreement

UNREADABLE = "unreadable_frame"
"""Code of the errors below, and what they are counted as."""

UInt8 = NDArray[np.uint8]
UInt16 = NDArray[np.uint16]

FILES: dict[FileRole, str] = {
    "image": IMAGE_FILE,
    "mask": MASK_FILE,
    "instances": INSTANCES_FILE,
    "depth": DEPTH_FILE,
}
OPTIONAL_ROLES: frozenset[FileRole] = frozenset({"depth"})
_PIXELS: dict[FileRole, Literal["rgb8", "ids8", "ids16"]] = {
    "image": "rgb8",
    "mask": "ids8",
    "instances": "ids16",
    "depth": "ids16",
}
_COLOR_TYPE = {"rgb8": ((8, 2),), "ids8": ((8, 0), (8, 3)), "ids16": ((16, 0),)}
"""PNG bit depth and colour type (2 RGB, 0 grey, 3 palette) that each kind of image may have."""


def unreadable(what: str, hint: str = "the player's log may say more") -> FrameRejectedError:
    """What the player left can't be read as a frame; the same spec may render well again."""
    return FrameRejectedError(what, code=UNREADABLE, hint=hint, context={"checks": [UNREADABLE]}, retryable=True)


@dataclass(frozen=True)
class RenderedFrame:
    """Pixels and sidecar of one frame."""

    spec: FrameSpec
    spec_digest: Digest
    sidecar: FrameSidecar
    image: UInt8
    """(H, W, 3) uint8 sRGB."""
    mask: UInt8
    """(H, W) label ids."""
    instances: UInt16
    """(H, W) instance ids, 0 none."""
    depth: UInt16 | None
    """(H, W) millimetres along the optical axis, 0 nothing; None where the player renders none."""
    assets: Mapping[Digest, bytes] = field(repr=False, default_factory=dict)
    """Bytes of the spec's assets by digest."""
    earlier: Mapping[Digest, FrameSpec] = field(repr=False, default_factory=dict)
    """Specs of frames that were rendered before, by the digest of their colour image."""

    @cached_property
    def edges(self) -> EdgeAgreement:
        """How the edges of the colour image lie to the borders of the masks."""
        return edge_agreement(self.image, self.mask, self.instances)


def read_rendered(
    folder: Path,
    spec: FrameSpec,
    spec_digest: Digest,
    sidecar_digest: Digest,
    assets: Mapping[Digest, bytes],
    earlier: Mapping[Digest, FrameSpec] | None = None,
) -> RenderedFrame:
    """Read a frame that a player wrote, holding every file to its digest and every image to its format.

    Args:
        folder: Where the player wrote.
        spec: What it was asked for.
        spec_digest: Over the bytes it was sent.
        sidecar_digest: Over the bytes of the sidecar, as it answered.
        assets: Bytes of the spec's assets by digest.
        earlier: Specs of earlier frames by the digest of their colour image.

    Raises:
        FrameRejectedError: A file is missing, truncated, of another size or kind, or not what its digest says.
    """
    data = _read(folder / SIDECAR_FILE)
    if digest_of(data) != sidecar_digest:
        raise unreadable(
            f"{SIDECAR_FILE} has digest {digest_of(data)}, the player answered {sidecar_digest}",
            hint="the player must answer after it wrote, with the digest of the bytes it wrote",
        )
    try:
        sidecar = FrameSidecar.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise unreadable(f"{SIDECAR_FILE}: {place}: {first['msg']}") from None
    if sidecar.spec_digest != spec_digest or sidecar.frame != spec.frame:
        raise unreadable(
            f"{SIDECAR_FILE} belongs to another spec: frame {sidecar.frame.index}, {sidecar.spec_digest}",
            hint="the player wrote the files of an earlier request",
        )
    images: dict[FileRole, NDArray] = {}
    for role, name in FILES.items():
        if role in OPTIONAL_ROLES and role not in sidecar.files:
            continue
        data = _read(folder / name)
        if role not in sidecar.files or digest_of(data) != sidecar.files[role]:
            raise unreadable(
                f"{name} has digest {digest_of(data)}, the sidecar says {sidecar.files.get(role, 'nothing')}",
                hint="the player must take digests over the bytes as written",
            )
        images[role] = decode(data, _PIXELS[role], name, spec.camera.width_px, spec.camera.height_px)
    return RenderedFrame(
        spec,
        spec_digest,
        sidecar,
        images["image"],
        images["mask"],
        images["instances"],
        images.get("depth"),
        assets,
        earlier or {},
    )


def decode(
    data: bytes, kind: Literal["rgb8", "ids8", "ids16"], name: str, width_px: int, height_px: int
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Decode a PNG of a known kind and size.

    Returns:
        (H, W, 3) uint8 RGB, (H, W) uint8 or (H, W) uint16; of a palette image the indices, not the colours.

    Raises:
        FrameRejectedError: It is not that.
    """
    if len(data) < 33 or not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR":
        raise unreadable(f"{name} is not a PNG file")
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if (width, height) != (width_px, height_px):
        raise unreadable(f"{name} is {width}x{height} pixels, the spec says {width_px}x{height_px}")
    form = (data[24], data[25])
    if form not in _COLOR_TYPE[kind]:
        raise unreadable(f"{name} has {form[0]} bits and PNG colour type {form[1]}, which is not {kind}")
    if not data.endswith(b"IEND\xaeB`\x82"):
        raise unreadable(f"{name} is truncated")
    image = (
        _palette_indices(data, name)
        if form[1] == 3
        else cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB if kind == "rgb8" else cv2.IMREAD_UNCHANGED
        )
    )
    if image is None or image.shape[:2] != (height_px, width_px):
        raise unreadable(f"{name} can't be decoded")
    return image


def _palette_indices(data: bytes, name: str) -> UInt8:
    """Indices of a palette PNG: OpenCV would give its colours."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise unreadable(f"{name} can't be decoded: {error}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise unreadable(
            f"the player answered, but wrote no {path.name}", hint="it must rename files into place before it answers"
        ) from None
