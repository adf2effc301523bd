"""Garments, hair and accessories: what is worn is made, carries its label and material, and lies where it should."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import cKDTree

import generator_configs
from contracts.errors import ConfigurationError
from contracts.generator import Generator, load_generator
from contracts.randomizers.cabin import GARMENTS, PATTERNS, Belt, Clothing, Occupant
from unity_bridge.sampling import sample_frame
from unity_bridge.scenes.belt.routing import Anchorage, deepest_m
from unity_bridge.scenes.belt.surface import DrapeSurface
from unity_bridge.scenes.belt.wearing import DEEPEST_M
from unity_bridge.scenes.cabin.interior import front_seat, seat_obstacle
from unity_bridge.scenes.cabin.seat import SeatShape
from unity_bridge.scenes.cabin.seating import SeatedOccupant, route_belt, seat_occupant
from unity_bridge.scenes.mesh import Model, Surface
from unity_bridge.scenes.occupant import outfit
from unity_bridge.scenes.occupant.body import BodyShape, load_bodies
from unity_bridge.scenes.occupant.clothing import dress, outfit_of
from unity_bridge.scenes.occupant.fabric import CLOTH_SIZE_PX, cloth_texture, hair_texture
from unity_bridge.scenes.occupant.layers import laid_over
from unity_bridge.scenes.occupant.look import LABELS_OF_OCCUPANT, SEE_THROUGH, occupant_materials
from unity_bridge.scenes.occupant.outfit import Outfit
from unity_bridge.scenes.occupant.pose import NAMED_POSES, pose_transforms
from unity_bridge.scenes.occupant.regions import boundary_edges

CLOTHES = {name: field.default for name, field in Clothing.model_fields.items() if name != "kind"} | {"detail_seed": 3}
BODY = {name: field.default for name, field in Occupant.model_fields.items() if name != "kind"} | {"detail_seed": 2}
BELT = {name: field.default for name, field in Belt.model_fields.items() if name != "kind"} | {"detail_seed": 1}


def dressed(wear: Outfit) -> Model:
    bodies = load_bodies()
    rest = bodies.rest(BodyShape())
    transforms = pose_transforms(bodies, rest, NAMED_POSES["hands_on_lap"])
    return dress(bodies, rest, bodies.skin(rest, transforms), wear).model


@lru_cache(maxsize=8)
def seated(garment: str, jacket_lies: str = "under_belt") -> SeatedOccupant:
    return seat_occupant(BODY, CLOTHES | {"garment": garment, "jacket_lies": jacket_lies}, SeatShape())


@pytest.mark.parametrize(
    ("garment", "own"),
    [
        ("pullover", set()),
        ("t_shirt", {"shirt_trim"}),
        ("shirt", {"shirt_trim", "collar"}),
        ("hoodie", {"shirt_trim", "hood", "cords"}),
        ("jacket", {"shirt_trim", "jacket", "jacket_collar"}),
    ],
)
def test_every_part_of_a_garment_has_a_material_and_may_be_labelled(garment: str, own: set[str]) -> None:
    model = dressed(Outfit(garment=garment))
    usual = {"skin", "lips", "brows", "eyes", "irises", "shirt", "pants", "shoes", "hair"}
    assert set(model.part_names) == usual | own
    pictures: list[bytes] = []

    def add(data: bytes) -> str:
        pictures.append(data)
        return "sha256:" + "0" * 64

    materials = occupant_materials(BODY, CLOTHES | {"garment": garment}, add)
    assert set(model.part_names) <= set(materials)
    assert set(model.part_names) <= set(LABELS_OF_OCCUPANT)
    assert all(LABELS_OF_OCCUPANT[name][-1] == "person" for name in model.part_names)
    # A texture needs coordinates, and only a texture.
    for part in model.parts:
        assert (part.uvs is not None) == (materials[part.name].base_color_texture is not None)
    assert len(pictures) == (garment != "pullover")


@pytest.mark.parametrize(
    "fields", [{"glasses": "glasses"}, {"glasses": "sunglasses"}, {"headwear": "cap"}, {"scarf": "scarf"}]
)
def test_accessories_have_materials_and_labels_that_fall_back(fields: dict[str, str]) -> None:
    model = dressed(Outfit(**fields))  # type: ignore[arg-type]
    own = set(model.part_names) - set(dressed(Outfit()).part_names)
    assert own
    materials = occupant_materials(BODY, CLOTHES | fields, lambda data: "sha256:" + "0" * 64)
    assert own <= set(materials)
    for name in own - set(SEE_THROUGH):
        assert LABELS_OF_OCCUPANT[name][-1] == "person"
        assert {"face", "clothes"} & set(LABELS_OF_OCCUPANT[name])


def test_fields_of_the_contract_are_those_of_an_outfit() -> None:
    words = {"garment": GARMENTS, "pattern": PATTERNS, "glasses": outfit.GLASSES, "headwear": outfit.HEADWEAR,
             "scarf": outfit.SCARVES, "jacket_lies": outfit.JACKET_LIES, "hair_front": outfit.HAIR_FRONTS}  # fmt: skip
    for field, valid in words.items():
        for word in valid:
            assert getattr(outfit_of(Clothing(kind="Clothing", **{field: word}).model_dump()), field) == word
        with pytest.raises(ConfigurationError, match=field):
            Outfit(**{field: "toga"})  # type: ignore[arg-type]


def test_what_a_generator_does_not_name_stays_as_it_was() -> None:
    assert outfit_of(CLOTHES) == Outfit(detail_seed=3)
    assert not Outfit().textured


def test_naming_a_new_field_changes_no_other_draw() -> None:
    plain = load_generator("belt-g3", Path(generator_configs.__file__).parent)
    document = plain.model_dump(mode="json")
    document["randomizers"]["clothing"] |= {
        "garment": {"choice": list(GARMENTS)},
        "glasses": {"choice": ["none", "glasses"]},
    }
    named = Generator.model_validate(document)
    for index in range(6):
        before, after = sample_frame(plain, 1, index).values, sample_frame(named, 1, index).values
        assert after["clothing"]["garment"] in GARMENTS
        changed = {"garment", "glasses"}
        for randomizer, fields in before.items():
            for name, value in fields.items():
                if randomizer != "clothing" or name not in changed:
                    assert after[randomizer][name] == value


@pytest.mark.parametrize("garment", ["shirt", "hoodie", "jacket"])
def test_a_belt_does_not_sink_into_garments(garment: str) -> None:
    occupant = seated(garment)
    route = route_belt(occupant, Anchorage(), BELT, SeatShape())
    trunk = DrapeSurface(occupant.dressed.trunk)
    assert all(deepest_m(strip, trunk) <= DEEPEST_M for strip in route.strips)


def test_a_jacket_over_the_belt_hides_it_and_one_under_it_does_not() -> None:
    def covered(jacket_lies: str) -> float:
        """Share of the places on the shoulder part that a jacket lies in front of, seen along the webbing's face."""
        occupant = seated("jacket", jacket_lies)
        route = route_belt(occupant, Anchorage(), BELT, SeatShape())
        jacket = laid_over(occupant.dressed, route.strips).part("jacket").vertices.astype(np.float64)
        strip = route.strips[0]
        front = strip.centres[:, 0] > strip.centres[-1, 0]
        distance, index = cKDTree(jacket).query(strip.centres[front])
        above = np.einsum("nj,nj->n", jacket[index] - strip.centres[front], strip.outward[front])
        return float(((distance < 0.012) & (above > 0.001)).mean())

    assert covered("over_belt") > 0.15
    assert covered("under_belt") < 0.02


def test_a_jacket_stands_off_the_shirt_and_is_open_in_front() -> None:
    model = dressed(Outfit(garment="jacket"))
    jacket, shirt = model.part("jacket"), model.part("shirt")
    distance, nearest = cKDTree(shirt.vertices).query(jacket.vertices)
    height = np.einsum("ij,ij->i", jacket.vertices - shirt.vertices[nearest], shirt.normals[nearest])
    near = distance < 0.02
    # A rim goes inward to the body along the border; all else is outside.
    assert (height[near] > 0).mean() > 0.9
    chest = jacket.vertices[
        (jacket.vertices[:, 0] > np.quantile(jacket.vertices[:, 0], 0.2)) & (jacket.vertices[:, 2] > 0.1)
    ]
    in_front = chest[np.abs(chest[:, 1]) < 0.015]
    assert len(in_front) == 0 or in_front[:, 0].max() < shirt.vertices[:, 0].max() - 0.05


def test_glasses_are_before_the_eyes_and_a_cap_is_over_the_hair() -> None:
    model = dressed(Outfit(glasses="glasses", headwear="cap", hair="tousled"))
    eyes = np.concatenate([model.part("eyes").vertices, model.part("irises").vertices])
    lenses = model.part("glass_lenses").vertices
    for side in (1.0, -1.0):
        own, lens = eyes[eyes[:, 1] * side > 0], lenses[lenses[:, 1] * side > 0]
        assert lens[:, 0].min() > own[:, 0].max()
        assert lens[:, 2].min() < own[:, 2].mean() < lens[:, 2].max()
        assert lens[:, 1].min() < own[:, 1].mean() < lens[:, 1].max()
    cap, hair = model.part("cap").vertices, model.part("hair").vertices
    assert cap[:, 2].max() > hair[:, 2].max()


def test_a_scarf_goes_around_the_neck_and_its_end_hangs() -> None:
    model = dressed(Outfit(scarf="scarf"))
    scarf, skin = model.part("scarf").vertices, model.part("skin").vertices
    # The nearest skin within the scarf is the neck's.
    neck = skin[(np.abs(skin[:, 1]) < 0.07) & (skin[:, 2] > np.median(scarf[:, 2]) - 0.03)]
    neck = neck[cKDTree(scarf).query(neck)[0] < 0.05]
    around = np.arctan2(scarf[:, 1] - neck[:, 1].mean(), scarf[:, 0] - neck[:, 0].mean())
    assert np.diff(np.sort(around)).max() < 0.4
    assert np.ptp(scarf[:, 2]) > 0.18


def test_hair_stays_before_the_seat_and_over_a_scarf() -> None:
    wear = CLOTHES | {"hair": "long", "hair_front": "both", "scarf": "scarf", "hair_length_share": 1.0}
    model = seat_occupant(BODY | {"head_nod_deg": -8.0}, wear, SeatShape()).dressed.model
    hair = model.part("hair").vertices.astype(np.float64)
    headrest = next(part for part in front_seat(SeatShape()).parts if part.name == "headrest")
    cushion = DrapeSurface(Surface(headrest.vertices, headrest.faces, headrest.normals))
    for obstacle in (seat_obstacle(SeatShape()), cushion):
        # The edges of an arched lock are 3 mm deeper than its middle, which lies 5 mm over the cover's nearest points.
        assert (obstacle.signed_distance(hair)[0] < -0.008).mean() < 0.002
    scarf = model.part("scarf")
    distance, nearest = cKDTree(scarf.vertices).query(hair)
    # At the nape and beside the neck some locks are tucked into it; in front, where they are seen, they lie over it.
    near = (distance < 0.02) & (hair[:, 0] > scarf.vertices[:, 0].mean())
    near &= ~np.isin(nearest, boundary_edges(np.asarray(scarf.faces, dtype=np.int64)))
    height = np.einsum("ij,ij->i", hair - scarf.vertices[nearest], scarf.normals[nearest])
    assert near.sum() > 100
    assert (height[near] > -0.006).mean() > 0.9


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB")).astype(float)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_cloth_shows_its_pattern_in_its_colours(pattern: str) -> None:
    made: dict[str, Any] = {"color": (0.05, 0.12, 0.38), "second": (0.74, 0.73, 0.70)}
    data = cloth_texture(pattern, "t_shirt", seed=4, **made)
    assert data == cloth_texture(pattern, "t_shirt", seed=4, **made)
    image = picture(data)
    assert image.shape[0] / image.shape[1] == CLOTH_SIZE_PX[0] / CLOTH_SIZE_PX[1]
    drawn = (image[..., 0] > 150).mean()
    assert drawn < 0.005 if pattern == "plain" else 0.01 < drawn < 0.85
    if pattern != "plain":
        assert data != cloth_texture(pattern, "t_shirt", seed=5, **made)


def test_diagonal_bands_are_as_wide_as_webbing() -> None:
    for seed in range(8):
        image = picture(cloth_texture("broad_diagonal", "t_shirt", (0.02, 0.02, 0.02), (0.7, 0.7, 0.7), seed))
        inside = image[..., 0] > 128
        # Along a row a band is cut obliquely; its own width is less by the cosine of its slope.
        across = cloth_metres(inside[150])
        down = cloth_metres(inside[:, 192])
        widths = [1 / np.hypot(1 / a, 1 / b) for a, b in zip(across, down, strict=False)]
        assert widths
        assert 0.03 < float(np.median(widths)) < 0.1


def cloth_metres(line: np.ndarray) -> list[float]:
    """Lengths of the runs in a line of texture, metres, those at its ends left out."""
    edges = np.flatnonzero(np.diff(line.astype(int)))
    starts = edges[line[edges + 1]]
    return [float((edges[edges > start][0] - start) * 0.0024) for start in starts if (edges > start).any()]


def test_strand_textures_are_few_and_grey() -> None:
    image = picture(hair_texture(0))
    assert (image[..., 0] == image[..., 2]).all()
    # Strands run along v: neighbours across differ more than neighbours along.
    assert np.abs(np.diff(image[..., 0], axis=1)).mean() > 4 * np.abs(np.diff(image[..., 0], axis=0)).mean()
