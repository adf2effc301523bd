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


class AssetCache:
    """Decoded assets, the least recently used dropped beyond a number of bytes."""

    def __init__(self, capacity_bytes: int = CACHE_BYTES) -> None:
        self._capacity = capacity_bytes
        self._size = 0
        self._entries: OrderedDict[tuple[str, str], tuple[Any, int]] = OrderedDict()

    def model(self, spec: FrameSpec, folder: Path, digest: str) -> Model:
        """A GLB file's content. Raises RenderError: missing, damaged or malformed."""
        value: Model = self._get("model", digest, lambda: _decode_model(spec, folder, digest))
        return value

    def texture(self, spec: FrameSpec, folder: Path, digest: str) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 sRGB of a PNG file. Raises RenderError: missing, damaged or malformed."""
        value: NDArray[np.uint8] = self._get("texture", digest, lambda: _decode_texture(spec, folder, digest))
        return value

    def radiance(self, spec: FrameSpec, folder: Path, digest: str) -> NDArray[np.float32]:
        """(H, W, 3) float32 linear RGB of a Radiance HDR file. Raises RenderError: missing, damaged or malformed."""
        value: NDArray[np.float32] = self._get("radiance", digest, lambda: _decode_radiance(spec, folder, digest))
        return value

    def _get(self, kind: str, digest: str, decode: Callable[[], tuple[Any, int]]) -> Any:
        key = (kind, digest)
        if key in self._entries:
            self._entries.move_to_end(key)
            return self._entries[key][0]
        value, size = decode()
        self._entries[key] = (value, size)
        self._size += size
        while self._size > self._capacity and len(self._entries) > 1:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._size -= dropped
        return value


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
