"""Meshes: what a part refuses, normals, transforms."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import IntegrityError
from unity_bridge.scenes.mesh import (
    Model,
    Part,
    Surface,
    crease_normals,
    face_normals,
    merge,
    mirrored_left_right,
    rotation,
    smooth_normals,
    transform,
    unit,
)

CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
CUBE_FACES = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))])
UP = np.array([[0, 0, 1.0]] * 3)


@pytest.mark.parametrize(
    ("vertices", "faces", "normals", "code"),
    [
        (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)), "mesh_empty"),
        (np.eye(3), np.zeros((0, 3)), UP, "mesh_empty"),
        (np.eye(3), [[0, 1, 3]], UP, "mesh_index"),
        (np.eye(3) * np.nan, [[0, 1, 2]], UP, "mesh_not_finite"),
        (np.eye(3), [[0, 1, 2]], UP * 2, "mesh_normal"),
        (np.eye(3), [[0, 1, 2]], UP[:2], "mesh_count"),
        (np.eye(3)[:, :2], [[0, 1, 2]], UP, "mesh_shape"),
    ],
)
def test_a_part_refuses_what_cannot_be_drawn(vertices, faces, normals, code) -> None:
    with pytest.raises(IntegrityError) as caught:
        Part("hood", vertices, faces, normals)
    assert caught.value.code == code


def test_part_names_are_unique_and_arrays_read_only() -> None:
    part = Part("hood", np.eye(3), [[0, 1, 2]], UP)
    with pytest.raises(IntegrityError, match="hood"):
        Model("vehicle", (part, part))
    with pytest.raises(ValueError, match="read-only"):
        part.vertices[0, 0] = 1


def test_crease_normals_keep_a_cube_sharp_and_smooth_normals_round_it() -> None:
    sharp = crease_normals(CUBE, CUBE_FACES, crease_deg=35)
    assert len(sharp.vertices) == 24
    flat = unit(face_normals(sharp.vertices, sharp.faces))
    np.testing.assert_allclose(sharp.normals[sharp.faces[:, 0]], flat, atol=1e-5)
    assert len(crease_normals(CUBE, CUBE_FACES, crease_deg=100).vertices) == 8
    outward = np.einsum("ij,ij->i", smooth_normals(CUBE, CUBE_FACES), CUBE)
    assert (outward > 0.9).all()


@pytest.mark.parametrize("matrix", [rotation((1, 2, 3), 50), np.diag([1.0, -1, 2, 1]), np.diag([-1.0, -1, -1, 1])])
def test_transforms_keep_faces_outward(matrix) -> None:
    moved = transform(crease_normals(CUBE, CUBE_FACES), matrix)
    direction = unit(face_normals(moved.vertices, moved.faces))
    np.testing.assert_allclose(np.einsum("ij,ij->i", direction, moved.normals[moved.faces[:, 0]]), 1, atol=1e-5)


def test_merging_and_mirroring() -> None:
    cube = crease_normals(CUBE + np.array([0, 3, 0]), CUBE_FACES)
    both = merge([cube, mirrored_left_right(cube)])
    assert len(both.faces) == 24
    np.testing.assert_allclose(both.vertices[:, 1].min(), -both.vertices[:, 1].max())
    with pytest.raises(IntegrityError):
        merge([])


def test_naming_a_surface_drops_triangles_without_area() -> None:
    surface = Surface(
        np.vstack([np.eye(3), [[9.0, 9, 9]]]), np.array([[0, 1, 2], [0, 0, 1], [3, 3, 3]]), np.vstack([UP, UP[:1]])
    )
    part = surface.named("hood")
    assert len(part.faces) == 1
    assert len(part.vertices) == 3
