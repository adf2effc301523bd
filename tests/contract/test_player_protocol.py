"""Every player behind the real UnityEnvironment: what it answers, what it writes, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from contracts.frame import FrameSidecar
from contracts.ids import canonical_json, digest_of
from contracts.player_protocol import RenderDone, RenderFailed, RenderRequest
from tests.player_frames import LABELS, Frame, street_frame
from tests.player_session import Session, changed
from tests.players.registered import TestedPlayer


@pytest.fixture(scope="module")
def player(tested: TestedPlayer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with tested.session(tmp_path_factory.mktemp("player"), "--unknown-to-it", "x") as opened:
        yield opened


def test_hello_comes_once_and_says_who_renders(player: Session, tested: TestedPlayer) -> None:
    assert player.hello.type == "hello"
    assert player.hello.player.name == tested.name
    assert ("mitsuba" in player.hello.player.version) == (player.hello.player.name == "embedded")
    assert player.hello.device
    assert player.exchange() == []


def test_a_frame_is_written_and_every_digest_is_of_the_bytes_written(
    player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    answer = player.render(street.text, assets, tmp_path, request_id=41)
    assert isinstance(answer, RenderDone)
    assert answer.request_id == 41
    assert answer.spec_digest == digest_of(street.text.encode())
    data = (tmp_path / "sidecar.json").read_bytes()
    assert answer.sidecar_digest == digest_of(data)
    sidecar = FrameSidecar.model_validate_json(data)
    assert data == canonical_json(sidecar)
    assert sidecar.spec_digest == answer.spec_digest
    assert sidecar.frame == street.spec.frame
    assert sidecar.camera == street.spec.camera
    assert sidecar.player == player.hello.player
    names = {"image": "image.png", "mask": "mask.png", "instances": "instances.png", "depth": "depth.png"}
    assert sidecar.files == {role: digest_of((tmp_path / name).read_bytes()) for role, name in names.items()}
    assert {path.name for path in tmp_path.iterdir()} == {*names.values(), "sidecar.json"}


def test_files_have_the_promised_forms(player: Session, street: Frame, assets: Path, tmp_path: Path) -> None:
    player.render(street.text, assets, tmp_path)
    with Image.open(tmp_path / "mask.png") as mask:
        assert mask.mode == "P"
        palette = np.array(mask.getpalette("RGB")).reshape(-1, 3)
        for label in LABELS:
            assert tuple(palette[label.id]) == label.color
        assert set(np.unique(np.asarray(mask)).tolist()) <= {0, 1, 2, 7}
    assert cv2.imread(str(tmp_path / "image.png"), cv2.IMREAD_UNCHANGED).shape == (32, 48, 3)
    for name in ("instances.png", "depth.png"):
        image = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
        assert image.dtype == np.uint16
        assert image.shape == (32, 48)


def test_digest_is_over_the_bytes_received_however_they_are_spaced(
    player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    spaced = json.dumps(json.loads(street.text), indent=2)
    answer = player.render(spaced, assets, tmp_path)
    assert isinstance(answer, RenderDone)
    assert answer.spec_digest == digest_of(spaced.encode()) != digest_of(street.text.encode())


def test_a_spec_too_long_for_a_message_comes_by_file(
    player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    text = street.text[:-1] + " " * (5 << 20) + "}"
    file = tmp_path / "spec 車.json"
    file.write_text(text, encoding="utf-8")
    folder = tmp_path / "out"
    folder.mkdir()
    request = RenderRequest(request_id=2, spec="", spec_file=str(file), assets=str(assets), folder=str(folder))
    (answer,) = player.exchange(request.model_dump_json().encode())
    assert isinstance(answer, RenderDone), answer
    assert answer.spec_digest == digest_of(text.encode())
    assert FrameSidecar.model_validate_json((folder / "sidecar.json").read_bytes()).frame == street.spec.frame


@pytest.mark.parametrize(
    ("spec", "file", "field"),
    [("{}", "there.json", "spec_file"), ("", "nowhere.json", "spec_file"), ("", "there.json", "schema_version")],
    ids=["given_twice", "no_such_file", "wrong_spec"],
)
def test_a_spec_by_file_that_is_none_is_refused(
    spec: str, file: str, field: str, player: Session, assets: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.json").write_text('{"schema_version": 2}')
    folder = tmp_path / "out"
    folder.mkdir()
    request = RenderRequest(
        request_id=4, spec=spec, spec_file=str(tmp_path / file), assets=str(assets), folder=str(folder)
    )
    (answer,) = player.exchange(request.model_dump_json().encode())
    assert isinstance(answer, RenderFailed)
    code = "invalid_spec" if field == "schema_version" else "invalid_request"
    assert (answer.code, answer.field, answer.retryable) == (code, field, False)
    assert list(folder.iterdir()) == []


def test_requests_of_one_exchange_are_answered_in_order(
    player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    requests = []
    for number in (5, 6):
        folder = tmp_path / str(number)
        folder.mkdir()
        requests.append(
            RenderRequest(request_id=number, spec=street.text, assets=str(assets), folder=str(folder))
            .model_dump_json()
            .encode()
        )
    answers = player.exchange(*requests)
    assert [(answer.type, getattr(answer, "request_id", 0)) for answer in answers] == [("done", 5), ("done", 6)]


BAD_POSE = [[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
INVALID: dict[str, tuple[list[str | int], Any, str]] = {
    "number as a string": (["exposure", "ev100"], "13", "exposure.ev100"),
    "truth as a number": (["render", "seed"], True, "render.seed"),
    "unknown field": (["camera", "fov_deg"], 60, "camera.fov_deg"),
    "unknown field deep down": (["materials", "paint", "shininess"], 1, "materials.paint.shininess"),
    "wrong type": (["render", "samples_per_pixel"], "many", "render.samples_per_pixel"),
    "out of range": (["materials", "paint", "roughness"], 1.5, "materials.paint.roughness"),
    "other version": (["schema_version"], 2, "schema_version"),
    "unknown material": (["objects", 1, "parts", "body", "material"], "gold", "objects.1.parts.body.material"),
    "unknown label": (["objects", 1, "parts", "body", "label"], "bonnet", "objects.1.parts.body.label"),
    "no such part": (["objects", 1, "parts", "lid"], {"material": "paint"}, "objects.1.parts.lid"),
    "instance without label": (["objects", 1, "parts", "body", "label"], None, "objects.1.parts.body.instance"),
    "stretched camera": (["camera", "world_from_camera"], BAD_POSE, "camera.world_from_camera"),
    "stretched object": (["objects", 0, "world_from_object"], BAD_POSE, "objects.0.world_from_object"),
    "no intrinsics": (["camera", "K"], [[0, 0, 1], [0, 1, 1], [0, 0, 1]], "camera.K"),
    "folding lens": (["camera", "distortion"], [-0.9, 0, 0, 0, 0], "camera.distortion"),
    "long light": (["lights", 0, "direction"], [0, 0, -2], "lights.0.direction"),
    "stretched sky": (
        ["environment", "world_from_environment"],
        [row[:3] for row in BAD_POSE[:3]],
        "environment.world_from_environment",
    ),
}


@pytest.mark.parametrize("case", INVALID, ids=lambda name: name.replace(" ", "_"))
def test_an_invalid_spec_is_refused_by_field_and_nothing_is_written(
    case: str, player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    path, value, field = INVALID[case]
    answer = player.render(changed(street.text, path, value), assets, tmp_path)
    assert isinstance(answer, RenderFailed)
    assert (answer.code, answer.field, answer.retryable) == ("invalid_spec", field, False)
    assert list(tmp_path.iterdir()) == []


def test_textured_glass_is_unsupported_and_says_so(
    player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    texture = street.spec.materials["asphalt"].base_color_texture
    text = changed(street.text, ["materials", "glass", "base_color_texture"], texture)
    answer = player.render(text, assets, tmp_path)
    assert isinstance(answer, RenderFailed)
    assert (answer.code, answer.field) == ("unsupported", "materials.glass.base_color_texture")


def test_missing_and_damaged_assets_are_named(player: Session, tmp_path: Path) -> None:
    # Sizes of its own, so that the player has none of these assets in its memory yet.
    other = street_frame(size=(48, 32), pane=False)
    folder = other.write_assets(tmp_path / "assets")
    boxes = [path for path in folder.glob("*.glb") if b"body" in path.read_bytes()]
    text = changed(other.text, ["objects", 1, "asset"], "sha256:" + "0" * 64)
    values = json.loads(text)
    place = next(i for i, asset in enumerate(values["assets"]) if asset["digest"].endswith(boxes[0].stem))
    values["assets"][place]["digest"] = "sha256:" + "0" * 64
    answer = player.render(json.dumps(values), folder, tmp_path / "out")
    assert isinstance(answer, RenderFailed)
    assert (answer.code, answer.field, answer.retryable) == ("missing_asset", f"assets.{place}", False)

    data = bytearray(boxes[0].read_bytes())
    data[-1] ^= 1
    (folder / ("0" * 64 + ".glb")).write_bytes(data)
    answer = player.render(json.dumps(values), folder, tmp_path / "out")
    assert isinstance(answer, RenderFailed)
    assert (answer.code, answer.field) == ("damaged_asset", f"assets.{place}")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_asset_that_is_no_glb_is_damaged_although_its_digest_is_right(
    player: Session, street: Frame, tmp_path: Path
) -> None:
    folder = street.write_assets(tmp_path / "assets")
    data = b"glTF but not really"
    (folder / f"{digest_of(data)[7:]}.glb").write_bytes(data)
    values = json.loads(street.text)
    place = next(i for i, a in enumerate(values["assets"]) if a["digest"] == values["objects"][1]["asset"])
    values["assets"][place]["digest"] = values["objects"][1]["asset"] = digest_of(data)
    answer = player.render(json.dumps(values), folder, tmp_path / "out")
    assert isinstance(answer, RenderFailed)
    assert (answer.code, answer.field) == ("damaged_asset", f"assets.{place}")


def test_an_unreadable_request_is_answered_by_its_id_and_the_next_one_is_served(
    player: Session, street: Frame, assets: Path, tmp_path: Path
) -> None:
    (answer,) = player.exchange(b'{"type": "render", "request_id": 9, "colour": "red"}')
    assert isinstance(answer, RenderFailed)
    assert (answer.request_id, answer.code) == (9, "invalid_request")
    assert isinstance(player.render(street.text, assets, tmp_path), RenderDone)


def test_a_folder_that_is_not_there_is_refused(player: Session, street: Frame, assets: Path, tmp_path: Path) -> None:
    request = RenderRequest(request_id=3, spec=street.text, assets=str(assets), folder=str(tmp_path / "nowhere"))
    (answer,) = player.exchange(request.model_dump_json().encode())
    assert isinstance(answer, RenderFailed)
    assert (answer.code, answer.field) == ("invalid_request", "folder")


def test_the_same_spec_gives_the_same_bytes_after_other_frames_and_in_a_process_with_other_threads(
    player: Session, tested: TestedPlayer, street: Frame, assets: Path, tmp_path: Path
) -> None:
    denoised = street_frame(size=(48, 32), samples=4, denoise=True, seed=5)
    denoised.write_assets(assets)
    player.render(denoised.text, assets, tmp_path / "first")
    player.render(street.text, assets, tmp_path / "between")
    player.render(denoised.text, assets, tmp_path / "second")
    with tested.session(tmp_path, "--threads", "2") as other:
        other.render(denoised.text, assets, tmp_path / "third")
    for name in ("image.png", "mask.png", "instances.png", "depth.png", "sidecar.json"):
        first = (tmp_path / "first" / name).read_bytes()
        assert first == (tmp_path / "second" / name).read_bytes(), name
        assert first == (tmp_path / "third" / name).read_bytes(), name
