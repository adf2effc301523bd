"""Casting rays at a scene for the sake of what they hit, not of light."""

from __future__ import annotations

from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from unity_bridge.embedded.geometry import FrameGeometry
from unity_bridge.embedded.scene import Scene, is_compiled


class Caster:
    """Finds the nearest triangle along rays; triangles are counted through over all shapes of the scene.

    face_parts: (F,) int32, the geometry's part of every triangle.
    """

    def __init__(self, scene: Scene, geometry: FrameGeometry) -> None:
        meshes = scene.meshes(geometry)
        self.face_parts = np.concatenate([mesh.face_parts for _, mesh in meshes])
        self._scene = scene.mitsuba
        offsets = np.cumsum([0, *(len(mesh.faces) for _, mesh in meshes[:-1])])
        self._offset_by_name = {name: int(offset) for (name, _), offset in zip(meshes, offsets, strict=True)}
        if is_compiled():
            shapes = [(shape.id(), mi.ShapePtr(shape)) for shape in self._scene.shapes()]
            numbers = {name: int(np.array(dr.reinterpret_array(mi.UInt32, shape))[0]) for name, shape in shapes}
            self._offsets = np.zeros(max(numbers.values()) + 1, np.int64)
            for name, number in numbers.items():
                self._offsets[number] = self._offset_by_name[name]

    def __call__(
        self, origins: NDArray[np.float32], directions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Distances (N,), infinite where nothing is hit, and triangles (N,) for origins and directions (N, 3)."""
        if is_compiled():
            return self._cast_together(origins, directions)
        return self._cast_singly(origins, directions)

    def _cast_together(
        self, origins: NDArray[np.float32], directions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        ray = mi.Ray3f(
            mi.Point3f(*(np.ascontiguousarray(column) for column in origins.T)),
            mi.Vector3f(*(np.ascontiguousarray(column) for column in directions.T)),
        )
        hit = self._scene.ray_intersect_preliminary(ray, True)
        shape = dr.reinterpret_array(mi.UInt32, hit.shape)
        dr.eval(hit.t, hit.prim_index, shape)
        distance = np.array(hit.t)
        found = np.isfinite(distance)
        face = self._offsets[np.where(found, np.array(shape), 0)] + np.array(hit.prim_index)
        return distance, np.where(found, face, 0)

    def _cast_singly(
        self, origins: NDArray[np.float32], directions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        distance = np.full(len(origins), np.inf, np.float32)
        face = np.zeros(len(origins), np.int64)
        pairs: list[tuple[Any, Any]] = list(zip(origins.tolist(), directions.tolist(), strict=True))
        for index, (origin, direction) in enumerate(pairs):
            hit = self._scene.ray_intersect_preliminary(mi.Ray3f(origin, direction), True)
            if hit.is_valid():
                distance[index] = hit.t
                face[index] = self._offset_by_name[hit.shape.id()] + hit.prim_index
        return distance, face
