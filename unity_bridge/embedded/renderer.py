"""The Mitsuba renderer of the embedded player: from a checked spec to the files of a frame."""

from __future__ import annotations

import gc
import platform
from importlib.metadata import version
from pathlib import Path

import drjit as dr
import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from contracts.frame import (
    DEPTH_FILE,
    IMAGE_FILE,
    INSTANCES_FILE,
    MASK_FILE,
    SIDECAR_FILE,
    FileRole,
    FrameSidecar,
    PlayerIdentity,
)
from contracts.frame_spec import FrameSpec
from contracts.ids import canonical_json, digest_of
from contracts.process import write_atomically
from unity_bridge.embedded import denoise
from unity_bridge.embedded.assets import AssetCache
from unity_bridge.embedded.casting import Caster
from unity_bridge.embedded.exposure import develop, exposure_scale
from unity_bridge.embedded.frame_files import encode_grey, encode_indexed, encode_rgb
from unity_bridge.embedded.geometry import FrameGeometry, gather
from unity_bridge.embedded.light_transport import register_camera, trace_color
from unity_bridge.embedded.masks import FrameMasks, trace_masks
from unity_bridge.embedded.scene import DARKNESS, Scene, SceneContent, is_compiled
from unity_bridge.embedded.sensor import expose, process
from unity_bridge.embedded.variant import MITSUBA_VARIANT, VariantReport

PLAYER_NAME = "embedded"


class MitsubaRenderer:
    """Renders specs one after another. One instance a process: the variant is a setting of the whole process."""

    def __init__(self, variant: VariantReport, threads: int = 0) -> None:
        """
        Args:
            variant: As `variant.choose_variant` gives it; its LLVM library must be known to Dr.Jit already.
            threads: Of the processor; 0 uses all.
        """
        mi.set_variant(MITSUBA_VARIANT[variant.name])
        mi.set_log_level(mi.LogLevel.Error)
        if threads:
            dr.set_thread_count(threads)
        if not is_compiled():
            register_camera()
        self.identity = PlayerIdentity(
            name=PLAYER_NAME, version=f"{version('beltline')}+mitsuba.{mi.__version__}.{variant.name}"
        )
        denoiser = "with denoiser" if denoise.is_available() else "without denoiser"
        self.device = f"{variant.detail} ({variant.name}) on {platform.machine()}, {denoiser}"
        self._assets = AssetCache()
        self._scene: Scene | None = None

    def render(self, spec: FrameSpec, spec_digest: str, assets: Path, folder: Path) -> str:
        """Write the files of a frame; see `requests.FrameRenderer`."""
        image, masks = self.images(spec, assets)
        files: dict[FileRole, tuple[str, bytes]] = {
            "image": (IMAGE_FILE, encode_rgb(image)),
            "mask": (MASK_FILE, encode_indexed(masks.labels, spec.labels)),
            "instances": (INSTANCES_FILE, encode_grey(masks.instances)),
            "depth": (DEPTH_FILE, encode_grey(masks.depth)),
        }
        sidecar = canonical_json(
            FrameSidecar(
                frame=spec.frame,
                spec_digest=spec_digest,
                camera=spec.camera,
                exposure=spec.exposure,
                sensor=spec.sensor,
                facts=spec.facts,
                instances=masks.listed,
                files={role: digest_of(data) for role, (_, data) in files.items()},
                player=self.identity,
            )
        )
        for name, data in [*files.values(), (SIDECAR_FILE, sidecar)]:
            write_atomically(folder / name, data)
        return digest_of(sidecar)

    def images(self, spec: FrameSpec, assets: Path) -> tuple[NDArray[np.uint8], FrameMasks]:
        """(H, W, 3) uint8 sRGB picture, and the masks of a frame."""
        linear, masks = self.linear_images(spec, assets)
        exposed = expose(linear, spec.camera, spec.sensor, spec.render.seed)
        return process(develop(exposed, spec.exposure), spec.sensor), masks

    def linear_images(self, spec: FrameSpec, assets: Path) -> tuple[NDArray[np.float32], FrameMasks]:
        """(H, W, 3) float32 linear RGB in units of what saturates the sensor, without its effects, and the masks of a
        frame."""
        geometry = gather(spec, self._assets, assets)
        scene = self._prepared_scene(spec, assets, geometry)
        scale = exposure_scale(spec.exposure)
        color = trace_color(
            scene.mitsuba, spec.camera, spec.render, scale, geometry.glass is not None, spec.render.denoise
        )
        masks = trace_masks(spec.camera, geometry, spec.labels, Caster(scene, geometry))
        linear = color.color
        if spec.render.denoise:
            linear = denoise.denoise(linear, color.albedo, color.normal)
        return linear, masks

    def _prepared_scene(self, spec: FrameSpec, assets: Path, geometry: FrameGeometry) -> Scene:
        digests = [item.material.base_color_texture or "" for item in geometry.textured]
        content = SceneContent(
            geometry=geometry,
            textures=[(digest, self._assets.texture(spec, assets, digest)) for digest in digests],
            lights=tuple(light for light in spec.lights if light.illuminance_lux > 0) or (DARKNESS,),
            environment=spec.environment,
            environment_image=self._assets.radiance(spec, assets, spec.environment.image),
            camera_position=np.array(spec.camera.world_from_camera)[:3, 3],
        )
        if not is_compiled():
            return Scene(content)
        if self._scene is None or self._scene.structure != content.structure:
            # Kernels hold code for every surface and light that is alive, so the old scene must go first.
            self._scene = None
            gc.collect()
            self._scene = Scene(content)
        # Updated even when it is new: a frame's picture must not depend on which frames came before.
        self._scene.update(content)
        return self._scene
