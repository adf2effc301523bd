"""Users' own panoramas: what a generator's file becomes, what a frame is lit by, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import mitsuba as mi
import numpy as np
import pytest
from own_generators import SHIPPED, loaded, write_generator

from contracts.errors import BeltlineError, ConfigurationError, NotFoundError
from contracts.generator import Generator, load_generator, resolve_generator
from contracts.ids import canonical_json
from unity_bridge.sampling import sample_frame
from unity_bridge.scenes import own_files
from unity_bridge.scenes.families import compose
from unity_bridge.scenes.surroundings import panorama
from unity_bridge.scenes.surroundings.radiance import encode_radiance

COLORS = {"street": (4.0, 1.0, 0.5), "park": (0.2, 3.0, 0.4)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two panoramas in their forms, and a home whose assets are open."""
    (tmp_path / "hdri").mkdir()
    street, park = (np.full((16, 32, 3), color, np.float32) for color in COLORS.values())
    street[:, :16] *= 3  # brighter to the left
    assert cv2.imwrite(str(tmp_path / "hdri" / "street.hdr"), street[:, :, ::-1])
    mi.Bitmap(park).write(str(tmp_path / "hdri" / "park.exr"))
    monkeypatch.setattr(own_files, "_folder", None)
    own_files.open_own_files(tmp_path / "assets")
    yield tmp_path
    panorama._panorama_file.cache_clear()  # type: ignore[attr-defined]


BOTH = {"environments": {"street": "hdri/street.hdr", "park": "hdri/park.exr"}}


def test_the_digest_is_of_the_files_and_not_of_their_places(folder: Path) -> None:
    first = loaded(write_generator(folder, BOTH))
    (folder / "moved").mkdir()
    for path in (folder / "hdri").iterdir():
        path.rename(folder / "moved" / path.name)
    moved = {"environments": {name: f"moved/{Path(path).name}" for name, path in BOTH["environments"].items()}}
    assert loaded(write_generator(folder, moved)).digest() == first.digest()
    with (folder / "moved" / "street.hdr").open("ab") as file:
        file.write(b"\0")
    assert loaded(write_generator(folder, moved)).digest() != first.digest()
    assert str(folder) not in canonical_json(first).decode()
    assert Generator.model_validate_json(canonical_json(first)) == first


def test_generators_without_own_files_are_written_as_before() -> None:
    assert "assets" not in json.loads(canonical_json(load_generator("exterior", SHIPPED)))


def test_own_files_change_no_other_draw_and_all_are_drawn(folder: Path) -> None:
    stated = {**BOTH, "environment": {"choice": {"street": 3, "park": 1, "parametric": 1}}}
    own, plain = loaded(write_generator(folder, stated)), load_generator("exterior", SHIPPED)
    drawn = []
    for index in range(200):
        values = sample_frame(own, 7, index).values
        drawn.append(values.pop("assets")["environment"])
        assert values == sample_frame(plain, 7, index).values
    shares = {word: drawn.count(word) / len(drawn) for word in ("street", "park", "parametric")}
    assert shares == pytest.approx({"street": 0.6, "park": 0.2, "parametric": 0.2}, abs=0.1)
    again = [sample_frame(own, 7, index, attempt=2).values["assets"]["environment"] for index in range(20)]
    assert again == drawn[:20], "a redraw keeps the file"


@pytest.mark.parametrize("base", ["exterior", "belt-g3"])
@pytest.mark.parametrize("name", list(COLORS))
def test_a_frame_is_lit_by_the_panorama_alone(folder: Path, base: str, name: str) -> None:
    empty = {"occupancy": {"of": {"belted": 1e-9, "unbelted": 1e-9, "empty": 1}}}
    more = {"randomizers": empty} if base == "belt-g3" else {}
    generator = loaded(write_generator(folder, {**BOTH, "environment": name}, extends=base, **more))
    frame = compose(sample_frame(generator, 1, 0))
    assert frame.spec.lights == (), "the panorama has its own sun"
    assert frame == compose(sample_frame(generator, 1, 0))
    image = cv2.imdecode(np.frombuffer(frame.assets[frame.spec.environment.image], np.uint8), cv2.IMREAD_UNCHANGED)
    rgb = image[:, :, ::-1].astype(np.float64)
    assert rgb.shape == (panorama.HEIGHT_PX, panorama.WIDTH_PX, 3)
    weight = np.sin((np.arange(len(rgb)) + 0.5) / len(rgb) * np.pi)
    luminance = weight @ rgb.mean(axis=1) @ [0.2126, 0.7152, 0.0722] / weight.sum()
    assert luminance == pytest.approx(1, abs=0.02), "RGBE cuts the last bits off"
    center = rgb[len(rgb) // 2, 10]
    assert center / center.max() == pytest.approx(np.array(COLORS[name]) / max(COLORS[name]), abs=0.02)
    brighter = rgb[:, :512].mean() / rgb[:, -512:].mean()
    assert brighter == pytest.approx(3 if name == "street" else 1, rel=0.1)


def test_parametric_frames_are_those_without_own_files(folder: Path) -> None:
    own = loaded(write_generator(folder, {**BOTH, "environment": "parametric"}))
    mine, plain = (compose(sample_frame(item, 3, 1)) for item in (own, load_generator("exterior", SHIPPED)))
    assert mine.assets == plain.assets
    assert mine.spec.model_copy(update={"frame": plain.spec.frame}) == plain.spec


def test_files_are_inherited_from_where_they_lie(folder: Path) -> None:
    base = write_generator(folder, BOTH)
    heir = folder / "heir.yaml"
    heir.write_text("{schema_version: 1, name: heir, extends: mine, assets: {environment: park}}")
    found = load_generator(str(heir), SHIPPED).assets
    assert found is not None
    assert found.environments == load_generator(str(base), SHIPPED).assets.environments  # type: ignore[union-attr]
    assert found.environment_weights() == {"park": 1.0}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.hdr", None, r"environments\.street: there is no file .*none\.hdr"),
        ("photo.hdr", b"\xff\xd8\xff\xe0", "neither a Radiance HDR nor an OpenEXR file"),
        ("square.hdr", encode_radiance(np.ones((16, 16, 3), np.float32)), "16x16 pixels, not twice as wide as high"),
        ("torn.hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "its header is damaged"),
        ("torn.exr", b"\x76\x2f\x31\x01\x02\0\0\0channels\0chlist\0", "its header is damaged"),
    ],
)
def test_what_is_no_panorama_is_refused_with_its_place(
    folder: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(BeltlineError, match=said) as caught:
        load_generator(str(write_generator(folder, {"environments": {"street": name}})), SHIPPED)
    assert caught.value.hint
    assert isinstance(caught.value, ConfigurationError | NotFoundError)


def test_a_huge_file_is_refused_unread(folder: Path) -> None:
    with (folder / "huge.hdr").open("wb") as file:
        file.truncate(513 << 20)
    with pytest.raises(ConfigurationError, match="513 MiB, more than 512") as caught:
        load_generator(str(write_generator(folder, {"environments": {"street": "huge.hdr"}})), SHIPPED)
    assert caught.value.code == "own_file_too_large"


@pytest.mark.parametrize(
    ("assets", "said"),
    [
        ({**BOTH, "environment": "stret"}, "there is no 'stret' under environments, did you mean 'street'"),
        ({**BOTH, "environment": {"choice": ["park", "garden"]}}, "no 'garden'"),
        ({"environments": {"parametric": "hdri/street.hdr"}}, "give the file another name"),
        ({"environment": "street"}, "no 'street'"),
        ({"panoramas": {}}, "unknown field 'panoramas'"),
    ],
)
def test_words_that_name_no_file_are_refused(folder: Path, assets: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load_generator(str(write_generator(folder, assets)), SHIPPED)


def test_a_request_names_no_path(folder: Path) -> None:
    request = {"schema_version": 1, "name": "mine", "extends": "exterior"}
    with pytest.raises(ConfigurationError, match=r"assets\.environments\.street"):
        resolve_generator({**request, "assets": {"environments": {"street": "hdri/street.hdr"}}}, SHIPPED)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((16, 32, 3), np.float32), "is dark"),
        (np.full((16, 32, 3), np.inf, np.float32), "infinite"),
    ],
)
def test_a_panorama_without_light_fails_the_batch_by_name(folder: Path, image: Any, said: str) -> None:
    mi.Bitmap(image).write(str(folder / "bad.exr"))
    generator = loaded(write_generator(folder, {"environments": {"bad": "bad.exr"}}))
    with pytest.raises(ConfigurationError, match=said):
        compose(sample_frame(generator, 0, 0))


def test_a_truncated_or_absent_or_changed_file_fails_the_batch_by_name(folder: Path) -> None:
    for name in ("park.exr", "street.hdr"):
        path = folder / "hdri" / name
        path.write_bytes(path.read_bytes()[: 200 if name.endswith("hdr") else 400])
    for name in COLORS:
        generator = loaded(write_generator(folder, {**BOTH, "environment": name}))
        with pytest.raises(ConfigurationError, match="can't be decoded"):
            compose(sample_frame(generator, 0, 0))
    for path in (folder / "assets" / "own").iterdir():
        path.write_bytes(b"other")
    with pytest.raises(ConfigurationError, match="is damaged"):
        compose(sample_frame(generator, 0, 0))
    for path in (folder / "assets" / "own").iterdir():
        path.unlink()
    with pytest.raises(ConfigurationError, match="not in this home"):
        compose(sample_frame(generator, 0, 0))
