"""The body model agrees with its source, poses keep bones whole, clothes cover what they should."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from contracts.errors import ConfigurationError
from contracts.randomizers.cabin import HAIR_STYLES, POSES
from unity_bridge.scenes.belt.drape import WEBBING_THICKNESS_M, Strip
from unity_bridge.scenes.mesh import face_normals, same_content, smooth_normals
from unity_bridge.scenes.occupant import clothing, outfit, regions
from unity_bridge.scenes.occupant.body import BODIES_FILE, SHAPE_RANGES, BodyShape, load_bodies
from unity_bridge.scenes.occupant.clothing import dress
from unity_bridge.scenes.occupant.hair import HAIR_LOCKS
from unity_bridge.scenes.occupant.layers import laid_over
from unity_bridge.scenes.occupant.outfit import Outfit
from unity_bridge.scenes.occupant.pose import NAMED_POSES, SeatedPose, pose_transforms
from unity_bridge.scenes.occupant.shells import relax_shell, subdivide
from unity_bridge.scenes.occupant.upper import LEAST_OFFSET_M

SHAPES = st.builds(BodyShape, **{name: st.floats(low, high) for name, (low, high) in SHAPE_RANGES.items()})


def test_baked_bodies_agree_with_the_source_model() -> None:
    reference = json.loads(Path(__file__).with_name("anny_vertices.json").read_text())
    bodies = load_bodies()
    for body in reference["bodies"]:
        rest = bodies.rest(BodyShape(**body["shape"]))
        found = rest.vertices[reference["vertex_indices"]]
        assert np.abs(found - np.array(body["vertices_m"])).max() < 1e-3


def test_baked_file_is_small_enough_to_ship() -> None:
    assert BODIES_FILE.stat().st_size < 1_900_000


@given(SHAPES)
@settings(max_examples=15)
def test_bodies_are_symmetric_and_of_human_size(shape: BodyShape) -> None:
    bodies = load_bodies()
    rest = bodies.rest(shape)
    assert 0.9 < rest.stature_m < 2.1
    left = rest.joints[bodies.bone("wrist.L")]
    right = rest.joints[bodies.bone("wrist.R")]
    assert np.allclose(left * [1, -1, 1], right, atol=2e-3)
    assert rest.vertices.dtype == np.float32


def test_a_taller_phenotype_is_taller_and_a_heavier_one_wider() -> None:
    bodies = load_bodies()
    shape = BodyShape()
    statures = [bodies.rest(replace(shape, height=h)).stature_m for h in (0.1, 0.3, 0.5, 0.65)]
    assert statures == sorted(statures)
    waists = []
    for weight in (0.1, 0.5, 0.95):
        rest = bodies.rest(replace(shape, weight=weight))
        hip = rest.joints[bodies.bone("upperleg01.L")]
        belly = rest.vertices[np.abs(rest.vertices[:, 2] - hip[2] - 0.12) < 0.03]
        waists.append(float(belly[:, 0].max() - belly[:, 0].min()))
    assert waists == sorted(waists)


@pytest.mark.parametrize("field", sorted(SHAPE_RANGES))
def test_a_shape_outside_the_bake_is_refused(field: str) -> None:
    with pytest.raises(ConfigurationError, match=field):
        BodyShape(**{field: SHAPE_RANGES[field][1] + 0.01})


def test_an_unnatural_pose_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="head_turn_left_deg"):
        SeatedPose(head_turn_left_deg=120)


def test_poses_of_the_contract_are_the_poses_there_are() -> None:
    assert set(POSES) == set(NAMED_POSES)


def test_hair_styles_of_the_contract_are_the_styles_there_are() -> None:
    assert set(HAIR_STYLES) == set(outfit.HAIR_STYLES)


@pytest.mark.parametrize("name", sorted(NAMED_POSES))
def test_poses_turn_bones_without_stretching_them(name: str) -> None:
    bodies = load_bodies()
    rest = bodies.rest(BodyShape(gender=1.0, weight=0.7))
    transforms = pose_transforms(bodies, rest, NAMED_POSES[name])
    turns = transforms[:, :3, :3]
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(turns), 1.0)
    joints = bodies.posed_joints(rest, transforms)
    child = np.flatnonzero(bodies.bone_parents >= 0)
    parent = bodies.bone_parents[child]
    assert np.allclose(
        np.linalg.norm(joints[child] - joints[parent], axis=1),
        np.linalg.norm(rest.joints[child] - rest.joints[parent], axis=1),
        atol=1e-9,
    )
    hips = (joints[bodies.bone("upperleg01.L")] + joints[bodies.bone("upperleg01.R")]) / 2
    assert np.allclose(hips, 0.0, atol=1e-12)
    # Seated: knees ahead of the hips and above the feet, head above all.
    for side in "LR":
        knee, foot = joints[bodies.bone(f"lowerleg01.{side}")], joints[bodies.bone(f"foot.{side}")]
        assert knee[0] > 0.2
        assert knee[2] > foot[2] + 0.1
    assert joints[bodies.bone("head"), 2] > 0.4


@given(SHAPES)
@settings(max_examples=10)
def test_hands_lie_over_the_thighs_of_every_body(shape: BodyShape) -> None:
    bodies = load_bodies()
    rest = bodies.rest(shape)
    joints = bodies.posed_joints(rest, pose_transforms(bodies, rest, NAMED_POSES["hands_on_thighs"]))
    for side in "LR":
        wrist, hip, knee = (joints[bodies.bone(f"{bone}.{side}")] for bone in ("wrist", "upperleg01", "lowerleg01"))
        assert hip[0] < wrist[0] < knee[0] + 0.05
        assert 0.05 < wrist[2] - (hip[2] + knee[2]) / 2 < 0.25


def test_skinning_moves_a_vertex_as_its_only_bone_does() -> None:
    bodies = load_bodies()
    rest = bodies.rest(BodyShape())
    transforms = pose_transforms(bodies, rest, NAMED_POSES["turned"])
    posed = bodies.skin(rest, transforms)
    alone = np.flatnonzero(bodies.influence_weights[:, 0] > 0.9999)
    assert len(alone) > 100
    matrix = transforms[bodies.influence_bones[alone, 0]]
    expected = np.einsum("vij,vj->vi", matrix[:, :3, :3], rest.vertices[alone].astype(float)) + matrix[:, :3, 3]
    assert np.abs(posed[alone] - expected).max() < 1e-5


def dressed(wear: Outfit, shape: BodyShape | None = None, pose: str = "hands_on_thighs") -> clothing.DressedBody:
    bodies = load_bodies()
    rest = bodies.rest(shape or BodyShape())
    return dress(bodies, rest, bodies.skin(rest, pose_transforms(bodies, rest, NAMED_POSES[pose])), wear)


def test_the_same_outfit_gives_the_same_bytes_and_another_seed_other_folds() -> None:
    first, second = dressed(Outfit(detail_seed=7)), dressed(Outfit(detail_seed=7))
    assert same_content(first.model, second.model)
    other = dressed(Outfit(detail_seed=8)).model.part("shirt")
    assert not np.array_equal(other.vertices, first.model.part("shirt").vertices)


@pytest.mark.parametrize("collar", outfit.COLLARS)
@pytest.mark.parametrize("hair", [*outfit.CAPS, "bald", "tousled"])
def test_every_collar_and_hair_style_is_made(collar: str, hair: str) -> None:
    model = dressed(Outfit(collar=collar, hair=hair)).model
    expected = {"skin", "lips", "brows", "eyes", "irises", "shirt", "pants", "shoes"} | {"hair"}
    assert set(model.part_names) == (expected if hair != "bald" else expected - {"hair"})
    for part in model.parts:
        outward = np.einsum("ij,ij->i", face_normals(part.vertices, part.faces), part.normals[part.faces[:, 0]])
        assert (outward > 0).mean() > 0.97, part.name


@given(SHAPES, st.sampled_from(sorted(NAMED_POSES)))
@settings(max_examples=6)
def test_cloth_keeps_its_distance_from_skin(shape: BodyShape, pose: str) -> None:
    bodies = load_bodies()
    rest = bodies.rest(shape)
    posed = bodies.skin(rest, pose_transforms(bodies, rest, NAMED_POSES[pose])).astype(np.float64)
    parts = subdivide(regions.topology_of(bodies).garment_faces, len(posed), 1)
    shell = relax_shell(parts, posed, smooth_normals(posed, bodies.faces), 0.01, 14, LEAST_OFFSET_M)
    outward = parts.matrix @ smooth_normals(posed, bodies.faces)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    height = np.einsum("ij,ij->i", shell.points - parts.matrix @ posed, outward)
    assert height.min() > LEAST_OFFSET_M - 1e-6


def test_a_cuff_is_a_plane_curve_and_not_a_sawtooth() -> None:
    bodies = load_bodies()
    rest = bodies.rest(BodyShape())
    points = rest.vertices.astype(np.float64)
    whole = subdivide(regions.topology_of(bodies).garment_faces, len(points), 0)
    shell = relax_shell(whole, points, smooth_normals(points, bodies.faces), 0.0, 0, 0.0)
    sleeve = shell.cut(regions.sleeve_region(bodies, rest, 1.6))
    border = np.unique(regions.boundary_edges(sleeve.faces))
    ends = sleeve.positions[border]
    elbow, wrist = rest.joints[bodies.bone("lowerarm01.L")], rest.joints[bodies.bone("wrist.L")]
    cuff = ends[(ends[:, 1] > 0.2) & (np.linalg.norm(ends - (elbow + 0.6 * (wrist - elbow)), axis=1) < 0.1)]
    assert len(cuff) > 12
    along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    way = (cuff - elbow) @ along
    assert np.ptp(way) < 2e-3


@pytest.mark.parametrize("fields", [{"collar": "polo"}, {"hair": "afro"}, {"sleeve_length": 3.0}, {"wrinkle_m": -0.1}])
def test_impossible_outfits_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        Outfit(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("hair", sorted(HAIR_LOCKS))
def test_locks_stay_out_of_face_and_body(hair: str) -> None:
    bodies = load_bodies()
    rest = bodies.rest(BodyShape(gender=1.0))
    posed = bodies.skin(rest, pose_transforms(bodies, rest, NAMED_POSES["hands_on_lap"])).astype(np.float64)
    wear = Outfit(hair=hair, hair_front="both", detail_seed=4)
    model = dress(bodies, rest, posed.astype(np.float32), wear).model
    locks = model.part("hair")
    assert locks.uvs is not None
    # No lock passes in front of the eyes, and few of their places are inside the head or under the shirt.
    eyes = np.concatenate([model.part("eyes").vertices, model.part("irises").vertices])
    in_front = locks.vertices[locks.vertices[:, 0] > eyes[:, 0].min()]
    if len(in_front):
        aside = np.abs(in_front[:, None, 1:] - eyes[None, :, 1:]).max(axis=2)
        assert aside.min() > 0.004
    shirt = model.part("shirt")
    distance, nearest = cKDTree(shirt.vertices).query(locks.vertices)
    depth = np.einsum("ij,ij->i", locks.vertices - shirt.vertices[nearest], shirt.normals[nearest])
    assert (depth[distance < 0.02] < -0.006).mean() < 0.05 if (distance < 0.02).any() else True


def test_long_hair_falls_over_the_shoulder_that_is_named() -> None:
    def reach(front: str) -> tuple[float, float]:
        """Shares of the hair's places in front of the neck, left and right."""
        model = dressed(Outfit(hair="long", hair_front=front)).model
        places = model.part("hair").vertices
        collar = model.part("shirt").vertices
        top = collar[collar[:, 2] > collar[:, 2].max() - 0.02].mean(axis=0)
        low = places[(places[:, 2] < top[2] - 0.08) & (places[:, 0] > top[0] + 0.02)]
        return float((low[:, 1] > 0).sum() / len(places)), float((low[:, 1] < 0).sum() / len(places))

    behind, left, both = reach("behind"), reach("left"), reach("both")
    assert max(behind) < 0.02
    assert left[0] > 0.05 > 0.02 > left[1]
    assert min(both) > 0.05


def test_hair_over_a_belt_is_lifted_clear_of_it_and_nothing_else_moves() -> None:
    bare = dressed(Outfit(hair="long", hair_front="both"))
    hair = bare.model.part("hair").vertices.astype(np.float64)
    low = hair[hair[:, 0] > np.quantile(hair[:, 0], 0.9)]
    centre = low.mean(axis=0)
    # Webbing that stands 1 cm before the hair, across it.
    line = centre + np.linspace(-0.2, 0.2, 60)[:, None] * np.array([0.0, 1.0, 0.0]) + [0.01, 0.0, 0.0]
    strip = Strip(line, np.tile([0.0, 0.0, 1.0], (60, 1)), np.tile([1.0, 0.0, 0.0], (60, 1)))
    lifted = laid_over(bare, [strip])
    moved = lifted.part("hair").vertices
    under = (np.abs(moved[:, 2] - centre[2]) < 0.0235) & (np.abs(moved[:, 1] - centre[1]) < 0.19)
    under &= moved[:, 0] > line[0, 0] - 0.03
    assert under.sum() > 20
    assert moved[under, 0].min() > line[0, 0] + WEBBING_THICKNESS_M
    for part in bare.model.parts:
        if part.name != "hair":
            assert lifted.part(part.name) is part
    assert laid_over(dressed(Outfit()), [strip]).part("shirt") is not None


def test_longer_sleeves_leave_less_skin() -> None:
    areas = []
    for length in (0.4, 1.2, 1.9):
        skin = dressed(Outfit(sleeve_length=length)).model.part("skin")
        areas.append(float(np.linalg.norm(face_normals(skin.vertices, skin.faces), axis=1).sum() / 2))
    assert areas[0] > areas[1] + 0.02 > areas[2] + 0.04
