"""A user's own panorama as an environment: Radiance HDR or OpenEXR, brought to one size and to mean luminance 1."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.errors import ConfigurationError
from contracts.own_assets import OwnEnvironment
from unity_bridge.scenes.own_files import read_own_file
from unity_bridge.scenes.shelf import kept
from unity_bridge.scenes.surroundings.radiance import encode_radiance

WIDTH_PX, HEIGHT_PX = 2048, 1024
"""One size for all, as a renderer compiles its kernels for each."""
_REMEMBERED = 8
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def panorama_file(own: OwnEnvironment) -> bytes:
    """A Radiance HDR file of 2048x1024 pixels, of mean luminance 1 over the sphere.

    Raises:
        ConfigurationError: The file is not in this home, damaged, or dark.
    """
    return _panorama_file(own.digest.removeprefix("sha256:"), own.media_type.rpartition("-")[2])


@kept(_REMEMBERED, bytes, bytes)
def _panorama_file(hexadecimal: str, form: str) -> bytes:
    digest = f"sha256:{hexadecimal}"
    data = read_own_file(digest)
    image = _decoded_exr(data) if form == "exr" else _decoded_radiance(data)
    if image is None:
        raise _refused(digest, "can't be decoded", "save it again as uncut RGB; it may be truncated")
    if not np.isfinite(image).all():
        raise _refused(digest, "holds values that are no numbers or infinite", "clamp the sun in a picture editor")
    # What filters leave below zero is no light.
    scaled = cv2.resize(np.maximum(image, 0), (WIDTH_PX, HEIGHT_PX), interpolation=_filter_for(image.shape[1]))
    weight = np.cos(np.pi / 2 - (np.arange(HEIGHT_PX) + 0.5) / HEIGHT_PX * np.pi)
    mean = float(weight @ scaled.mean(axis=1, dtype=np.float64) @ _LUMINANCE / weight.sum())
    if not mean > 0:
        raise _refused(digest, "is dark", "a panorama lights the scene; give one with light in it")
    return encode_radiance((scaled / mean).astype(np.float32))


def _filter_for(width_px: int) -> int:
    """Averaging keeps the light of the sun when a panorama is scaled down."""
    return cv2.INTER_AREA if width_px >= WIDTH_PX else cv2.INTER_LINEAR


def _decoded_radiance(data: bytes) -> NDArray[np.float32] | None:
    """(H, W, 3) float32 linear RGB; none where the bytes are damaged."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.float32 or image.ndim != 3:
        return None
    return np.ascontiguousarray(image[:, :, :3][:, :, ::-1])


def _decoded_exr(data: bytes) -> NDArray[np.float32] | None:
    """(H, W, 3) float32 linear RGB; none where the bytes are damaged. OpenCV's wheels read no OpenEXR; Mitsuba does."""
    import mitsuba as mi  # heavy, and only panoramas in this form need it

    try:
        stream = mi.MemoryStream(len(data))
        stream.write(data)
        stream.seek(0)
        bitmap = mi.Bitmap(stream, mi.Bitmap.FileFormat.OpenEXR)
        rgb = bitmap.convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.Float32, srgb_gamma=False)
    except RuntimeError:
        return None
    return np.array(rgb, dtype=np.float32)


def _refused(digest: str, what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"the own panorama {digest} {what}", code="own_environment_unreadable", hint=remedy)
