"""Reading a spec strictly: what a schema can say, and what it can't (references, rotations, a usable lens)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from contracts.errors import RenderError
from contracts.frame_spec import FrameSpec, check_references
from unity_bridge.embedded.faults import INVALID_SPEC, UNSUPPORTED, spec_fault
from unity_bridge.embedded.lens import check_lens

ORTHOGONALITY_TOLERANCE = 1e-4
MAXIMUM_SAMPLES = 1 << 32
"""Paths a frame may ask for."""


def parse_spec(text: str) -> FrameSpec:
    """A spec from its text, checked.

    Raises:
        RenderError: `invalid_spec` or `unsupported`, with the faulty field in `context["field"]`.
    """
    try:
        spec = FrameSpec.model_validate_json(text, strict=True)  # as strict as its JSON Schema
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        message = "unknown field" if first["type"] == "extra_forbidden" else first["msg"]
        raise spec_fault(INVALID_SPEC, field, message) from None
    faults = check_references(spec)
    if faults:
        field, _, message = faults[0].partition(": ")
        raise spec_fault(INVALID_SPEC, field, message)
    _check_camera(spec)
    _check_materials(spec)
    _check_objects(spec)
    _check_lights(spec)
    camera = spec.camera
    if camera.width_px * camera.height_px * spec.render.samples_per_pixel > MAXIMUM_SAMPLES:
        raise spec_fault(UNSUPPORTED, "render.samples_per_pixel", "more than 2^32 paths in one frame")
    return spec


def _check_camera(spec: FrameSpec) -> None:
    pose = np.array(spec.camera.world_from_camera)
    scale = _similarity_scale(pose)
    if scale is None or abs(scale - 1) > ORTHOGONALITY_TOLERANCE:
        raise spec_fault(INVALID_SPEC, "camera.world_from_camera", "not a rotation and a translation")
    check_lens(spec.camera)


def _check_objects(spec: FrameSpec) -> None:
    for index, item in enumerate(spec.objects):
        if _similarity_scale(np.array(item.world_from_object)) is None:
            raise spec_fault(
                INVALID_SPEC, f"objects.{index}.world_from_object", "not a rotation, a uniform scale and a translation"
            )
        for name, binding in item.parts.items():
            if binding.instance and binding.label is None:
                raise spec_fault(
                    INVALID_SPEC, f"objects.{index}.parts.{name}.instance", "an instance needs a label to be listed by"
                )


def _check_materials(spec: FrameSpec) -> None:
    for name, material in spec.materials.items():
        if material.base_color_texture is not None and material.model != "surface":
            raise _unsupported_texture(name, material.model)
        if material.model == "emissive" and material.luminance_cd_m2 > 0 and max(material.base_color) == 0:
            raise spec_fault(INVALID_SPEC, f"materials.{name}.base_color", "a black material can't shine in its colour")


def _unsupported_texture(name: str, model: str) -> RenderError:
    return spec_fault(UNSUPPORTED, f"materials.{name}.base_color_texture", f"textures on {model} are not supported")


def _check_lights(spec: FrameSpec) -> None:
    for index, light in enumerate(spec.lights):
        if abs(float(np.linalg.norm(light.direction)) - 1) > 1e-3:
            raise spec_fault(INVALID_SPEC, f"lights.{index}.direction", "not a unit vector")
    pose = np.eye(4)
    pose[:3, :3] = spec.environment.world_from_environment
    scale = _similarity_scale(pose)
    if scale is None or abs(scale - 1) > ORTHOGONALITY_TOLERANCE:
        raise spec_fault(INVALID_SPEC, "environment.world_from_environment", "not a rotation")


@np.errstate(over="ignore", invalid="ignore")  # of a matrix of huge numbers: it is refused below
def _similarity_scale(matrix: NDArray[np.float64]) -> float | None:
    """Scale of a rotation, uniform scale and translation; none where the matrix is anything else."""
    linear = matrix[:3, :3]
    determinant = float(np.linalg.det(linear))
    if determinant <= 1e-18 or not np.array_equal(matrix[3], [0, 0, 0, 1]):
        return None
    scale = determinant ** (1 / 3)
    gram = linear.T @ linear / scale**2
    return scale if np.abs(gram - np.eye(3)).max() <= ORTHOGONALITY_TOLERANCE else None
