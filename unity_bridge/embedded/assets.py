"""Assets by digest: read once, checked against their names, decoded, and kept while they are in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.errors import IntegrityError
from contracts.frame_spec import FrameSpec, asset_file_name
from contracts.ids import digest_of
from unity_bridge.embedded.faults import DAMAGED_ASSET, MISSING_ASSET, spec_fault
from unity_bridge.scenes.glb import read_glb
from unity_bridge.scenes.mesh import Model

CACHE_BYTES = 384 << 20
_REMEMBERED_USES = 8192


class AssetCache:
    """Decoded assets: those of the frame at hand, and those that have served more than one frame, of which the least
    recently used are dropped beyond a number of bytes. A frame's own body or vehicle never comes again and would fill
    the memory for nothing."""

    def __init__(self, capacity_bytes: int = CACHE_BYTES) -> None:
        self._capacity_bytes = capacity_bytes
        self._kept_bytes = 0
        self._frame: FrameSpec | None = None
        self._of_frame: dict[tuple[str, str], Any] = {}
        self._kept: OrderedDict[tuple[str, str], tuple[Any, int]] = OrderedDict()
        self._used: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def kept_bytes(self) -> int:
        """Size of what is kept from frame to frame."""
        return self._kept_bytes

    def model(self, spec: FrameSpec, folder: Path, digest: str) -> Model:
        """A GLB file's content. Raises RenderError: missing, damaged or malformed."""
        value: Model = self._get(spec, ("model", digest), lambda: _decode_model(spec, folder, digest))
        return value

    def texture(self, spec: FrameSpec, folder: Path, digest: str) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 sRGB of a PNG file. Raises RenderError: missing, damaged or malformed."""
        value: NDArray[np.uint8] = self._get(spec, ("texture", digest), lambda: _decode_texture(spec, folder, digest))
        return value

    def radiance(self, spec: FrameSpec, folder: Path, digest: str) -> NDArray[np.float32]:
        """(H, W, 3) float32 linear RGB of a Radiance HDR file. Raises RenderError: missing, damaged or malformed."""
        value: NDArray[np.float32] = self._get(
            spec, ("radiance", digest), lambda: _decode_radiance(spec, folder, digest)
        )
        return value

    def _get(self, spec: FrameSpec, key: tuple[str, str], decode: Callable[[], tuple[Any, int]]) -> Any:
        if spec is not self._frame:
            self._frame = spec
            self._of_frame.clear()
        if key in self._of_frame:
            return self._of_frame[key]
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        value, size_bytes = decode()
        self._of_frame[key] = value
        if key in self._used:
            self._keep(key, value, size_bytes)
        self._used[key] = None
        self._used.move_to_end(key)
        if len(self._used) > _REMEMBERED_USES:
            self._used.popitem(last=False)
        return value

    def _keep(self, key: tuple[str, str], value: Any, size_bytes: int) -> None:
        self._kept[key] = (value, size_bytes)
        self._kept_bytes += size_bytes
        while self._kept_bytes > self._capacity_bytes:
            _, (_, dropped_bytes) = self._kept.popitem(last=False)
            self._kept_bytes -= dropped_bytes


def read_asset(spec: FrameSpec, folder: Path, digest: str) -> bytes:
    """Bytes of an asset. Raises RenderError: there is no such file, or its bytes are not those of its name."""
    index = next(number for number, asset in enumerate(spec.assets) if asset.digest == digest)
    path = folder / asset_file_name(digest, spec.assets[index].media_type)
    field = f"assets.{index}"
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise spec_fault(MISSING_ASSET, field, f"there is no file {path.name} in {folder}") from None
    if digest_of(data) != digest:
        raise spec_fault(
            DAMAGED_ASSET, field, f"the bytes of {path} are not those of its name", "delete the file; it is made again"
        )
    return data


def _malformed(spec: FrameSpec, digest: str, message: str) -> Exception:
    index = next(number for number, asset in enumerate(spec.assets) if asset.digest == digest)
    return spec_fault(DAMAGED_ASSET, f"assets.{index}", message)


def _decode_model(spec: FrameSpec, folder: Path, digest: str) -> tuple[Model, int]:
    data = read_asset(spec, folder, digest)
    try:
        return read_glb(data), len(data)
    except IntegrityError as error:
        raise _malformed(spec, digest, error.message) from None


def _decode_texture(spec: FrameSpec, folder: Path, digest: str) -> tuple[NDArray[np.uint8], int]:
    data = read_asset(spec, folder, digest)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise _malformed(spec, digest, "not a readable PNG image")
    rgb = np.ascontiguousarray(image[:, :, ::-1])
    return rgb, rgb.nbytes


def _decode_radiance(spec: FrameSpec, folder: Path, digest: str) -> tuple[NDArray[np.float32], int]:
    data = read_asset(spec, folder, digest)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.float32 or image.ndim != 3 or image.shape[1] != 2 * image.shape[0]:
        raise _malformed(spec, digest, "not a readable Radiance HDR image twice as wide as high")
    if not (np.isfinite(image).all() and image.min() >= 0):
        raise _malformed(spec, digest, "holds negative or non-finite radiance")
    rgb = np.ascontiguousarray(image[:, :, ::-1])
    return rgb, rgb.nbytes
