"""What no player may stumble over: it names the field, writes nothing, and renders the next frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contracts.frame import FrameSidecar
from contracts.frame_spec import Material, PartBinding
from contracts.player_protocol import RenderDone, RenderFailed
from tests.player_frames import Frame, box, frame, placed
from tests.player_session import Session, changed
from tests.players.registered import TestedPlayer
from unity_bridge.scenes.mesh import Model

MANY_LABELS = [{"id": min(number, 254), "name": f"label_{number}", "color": [0, 0, 0]} for number in range(256)]
MANY_LABELS[0]["name"] = "background"
CASES: dict[str, tuple[list[str | int], Any, str]] = {
    "more labels than ids": (["labels"], MANY_LABELS, "labels"),
    "an id beyond a byte": (["labels", 1, "id"], 256, "labels.1.id"),
    "the id of no label": (["labels", 1, "id"], 255, "labels.1.id"),
    "an id twice": (["labels", 2, "id"], 1, "labels"),
    "a label's name beyond ASCII": (["labels", 1, "name"], "säule", "labels.1.name"),
    "a name that leads upwards": (["frame", "generator"], "../exterior", "frame.generator"),
    "a digest that leads upwards": (["assets", 0, "digest"], "sha256:../../../etc/passwd", "assets.0.digest"),
    "a part that leads upwards": (["objects", 1, "parts", "../body"], {"material": "paint"}, "objects.1.parts.../body"),
    "an unknown field": (["lights", 0, "shadow"], True, "lights.0.shadow"),
    "an unknown media type": (["assets", 0, "media_type"], "image/jpeg", "assets.0.media_type"),
    "a picture of no size": (["camera", "width_px"], 0, "camera.width_px"),
    "a picture beyond memory": (["camera", "width_px"], 1 << 30, "camera.width_px"),
}
NUMBERS = {
    "NaN": "exposure.ev100",
    "Infinity": "exposure.ev100",
    "1e999": "exposure.ev100",
    "1" * 400: "exposure.ev100",
}


@pytest.fixture(scope="module")
def player(tested: TestedPlayer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with tested.session(tmp_path_factory.mktemp("player")) as opened:
        yield opened


def refuses(player: Session, text: str, field: str, assets: Path, folder: Path) -> None:
    answer = player.render(text, assets, folder)
    assert isinstance(answer, RenderFailed)
    assert (answer.code, answer.field, answer.retryable) == ("invalid_spec", field, False), answer.message
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("case", CASES, ids=lambda name: name.replace(" ", "_"))
def test_a_spec_that_can_not_be_is_refused_by_its_field(
    case: str, player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    path, value, field = CASES[case]
    refuses(player, changed(street.text, path, value), field, assets, tmp_path / "out")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda text: text[:9])
def test_a_number_that_is_not_finite_is_refused_by_its_field(
    number: str, player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    text = changed(street.text, ["exposure", "ev100"], "HERE").replace('"HERE"', number)
    refuses(player, text, NUMBERS[number], assets, tmp_path / "out")


def test_after_all_of_them_the_player_renders_as_before(
    player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    player.render(street.text, assets, tmp_path / "before")
    for number, (path, value, _) in enumerate(CASES.values(), start=2):
        player.render(changed(street.text, path, value), assets, tmp_path / "bad", number)
    assert isinstance(player.render(street.text, assets, tmp_path / "after"), RenderDone)
    names = {path.name for path in (tmp_path / "after").iterdir()}
    assert names == {path.name for path in (tmp_path / "before").iterdir()}
    for name in names:
        assert (tmp_path / "after" / name).read_bytes() == (tmp_path / "before" / name).read_bytes(), name
    assert list((tmp_path / "bad").iterdir()) == []


@pytest.mark.parametrize("name", ["Karosserie außen 車 🚗", '"..\\/\n', "a/b/../c"])
def test_any_name_may_stand_in_a_model(name: str, player: Session, tmp_path: Path) -> None:
    parts = {name: PartBinding(material=name, label="box", instance=1)}
    model = Model("crate", (box(name, (2, 2, 2)),))
    named = frame(
        [placed(name, "crate", parts, (5, 0, 0))], {"crate": model}, {name: Material(base_color=(0.5, 0.5, 0.5))}
    )
    answer = player.render(named.text, named.write_assets(tmp_path / "assets"), tmp_path / "out 車")
    assert isinstance(answer, RenderDone), answer
    sidecar = FrameSidecar.model_validate_json((tmp_path / "out 車" / "sidecar.json").read_bytes())
    assert [(item.id, item.label) for item in sidecar.instances] == [(1, "box")]


def test_a_lens_coefficient_that_nearly_vanishes_is_none_at_all(
    player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    text = changed(street.text, ["camera", "distortion"], [1e-320, 0, 0, 0, 0])
    assert isinstance(player.render(text, assets, tmp_path / "lens"), RenderDone)
    player.render(street.text, assets, tmp_path / "none")
    assert (tmp_path / "lens" / "mask.png").read_bytes() == (tmp_path / "none" / "mask.png").read_bytes()


def test_a_part_without_a_label_is_marked_as_such(player: Session, street: Frame, assets: Path, tmp_path: Path) -> None:
    values = json.loads(street.text)
    values["objects"][0]["parts"]["top"]["label"] = None
    assert isinstance(player.render(json.dumps(values), assets, tmp_path), RenderDone)
    with Image.open(tmp_path / "mask.png") as mask:
        assert 255 in np.unique(np.asarray(mask))
