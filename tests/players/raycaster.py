"""A small ray caster for tests: few triangles, sun and sky without shadows, exact ids at pixel centres."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from contracts.frame import FrameSidecar, Instance, PlayerIdentity
from contracts.frame_spec import IGNORE_ID, FrameSpec, asset_file_name
from contracts.ids import canonical_json, digest_of
from unity_bridge.scenes.glb import read_glb

IDENTITY = PlayerIdentity(name="raycaster", version="1")


def cast(spec: FrameSpec, assets: Path) -> dict[str, np.ndarray]:
    """Images by role: image (H, W, 3) uint8, mask uint8, instances uint16, depth uint16."""
    camera = spec.camera
    height, width = camera.height_px, camera.width_px
    rows, columns = np.divmod(np.arange(height * width), width)
    K, pose = np.asarray(camera.K), np.asarray(camera.world_from_camera)
    local = np.stack(
        [(columns + 0.5 - K[0, 2]) / K[0, 0], (rows + 0.5 - K[1, 2]) / K[1, 1], np.ones(height * width)], axis=1
    )
    rays, eye = local @ pose[:3, :3].T, pose[:3, 3]
    names = {label.name: label.id for label in spec.labels}
    depth = np.full(height * width, np.inf)
    mask = np.zeros(height * width, np.uint8)
    instances = np.zeros(height * width, np.uint16)
    radiance = np.full((height * width, 3), spec.environment.luminance_cd_m2)
    media = {asset.digest: asset.media_type for asset in spec.assets}
    for item in spec.objects:
        model = read_glb((assets / asset_file_name(item.asset, media[item.asset])).read_bytes())
        world = np.asarray(item.world_from_object)
        for part in model.parts:
            binding = item.parts.get(part.name)
            if binding is None:
                continue
            color = np.asarray(spec.materials[binding.material].base_color)
            corners = (part.vertices.astype(np.float64) @ world[:3, :3].T + world[:3, 3])[part.faces]
            for a, b, c in corners:
                normal = np.cross(b - a, c - a)
                normal /= np.linalg.norm(normal)
                t, inside = _hit(eye, rays, a, b, c)
                nearer = inside & (t < depth) & (t > 1e-6)
                if not nearer.any():
                    continue
                light = np.full(3, np.pi * spec.environment.luminance_cd_m2)
                for sun in spec.lights:
                    facing = max(0.0, float(-(normal @ np.asarray(sun.direction))))
                    light += sun.illuminance_lux * facing * np.asarray(sun.color)
                depth[nearer] = t[nearer]
                mask[nearer] = IGNORE_ID if binding.label is None else names[binding.label]
                instances[nearer] = binding.instance
                radiance[nearer] = color * light / np.pi
    exposed = radiance * np.asarray(spec.exposure.white_balance_gains) / (1.2 * 2.0**spec.exposure.ev100)
    noise = np.random.Generator(np.random.Philox(spec.render.seed)).normal(0, 0.002, exposed.shape)
    encoded = np.clip(np.clip(1 - np.exp(-exposed), 0, 1) ** (1 / 2.2) + noise, 0, 1)
    millimetres = np.where(np.isfinite(depth) & (depth < 65.535), np.rint(np.nan_to_num(depth, posinf=0) * 1000), 0)
    return {
        "image": np.rint(encoded * 255).astype(np.uint8).reshape(height, width, 3),
        "mask": mask.reshape(height, width),
        "instances": instances.reshape(height, width),
        "depth": millimetres.astype(np.uint16).reshape(height, width),
    }


def _hit(eye: np.ndarray, rays: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple:
    """Moeller-Trumbore: distances along (N, 3) rays in units of their length, and whether they hit."""
    edge1, edge2 = b - a, c - a
    p = np.cross(rays, edge2)
    determinant = p @ edge1
    safe = np.where(np.abs(determinant) < 1e-12, 1.0, determinant)
    s = eye - a
    u = (p @ s) / safe
    q = np.cross(s, edge1)
    v = (rays @ q) / safe
    t = (edge2 @ q) / safe
    return t, (np.abs(determinant) >= 1e-12) & (u >= 0) & (v >= 0) & (u + v <= 1)


def encode(image: np.ndarray) -> bytes:
    """PNG of RGB or ids."""
    done, data = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)
    if not done:
        raise RuntimeError("cv2 can't encode")
    return data.tobytes()


def sidecar_of(spec: FrameSpec, spec_digest: str, images: dict[str, np.ndarray], files: dict[str, bytes]) -> bytes:
    """The sidecar's bytes."""
    found = []
    for value in np.unique(images["instances"][images["instances"] > 0]).tolist():
        pixels = images["instances"] == value
        rows, columns = np.nonzero(pixels)
        label = next(
            binding.label for item in spec.objects for binding in item.parts.values() if binding.instance == value
        )
        box = (columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1)
        found.append(Instance(id=value, label=label, area_px=len(rows), box=tuple(int(v) for v in box)))
    return canonical_json(
        FrameSidecar(
            frame=spec.frame,
            spec_digest=spec_digest,
            camera=spec.camera,
            exposure=spec.exposure,
            facts=spec.facts,
            instances=tuple(found),
            files={role: digest_of(data) for role, data in files.items()},
            player=IDENTITY,
        )
    )


def write_frame(spec_text: str, assets: Path, folder: Path) -> str:
    """Render a spec into a folder; the digest of the sidecar."""
    spec = FrameSpec.model_validate_json(spec_text)
    images = cast(spec, assets)
    files = {role: encode(image) for role, image in images.items()}
    return write_files(spec, digest_of(spec_text.encode()), images, files, folder)


def write_files(
    spec: FrameSpec, spec_digest: str, images: dict[str, np.ndarray], files: dict[str, bytes], folder: Path
) -> str:
    """Write images and sidecar; the digest of the sidecar."""
    for role, data in files.items():
        (folder / f"{role}.png").write_bytes(data)
    sidecar = sidecar_of(spec, spec_digest, images, files)
    (folder / "sidecar.json").write_bytes(sidecar)
    return digest_of(sidecar)
