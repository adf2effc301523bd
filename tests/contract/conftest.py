"""A service in this process, one for each module of tests; the players, and a small frame for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from server.api.app import create_app
from tests.player_frames import Frame, street_frame
from tests.players import registered
from tests.players.registered import TestedPlayer
from tests.service.api import BATCH, follow
from tests.service.homes import MODULES, settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """A service with one published version, `boxes@1`."""
    (folder / "allowed").mkdir()
    chosen = settings(
        folder / "home",
        players={"slow": ("pause=0.3",), "fails": ("fail-at=0",), "dies": ("die-at=0",)},
        import_roots=(folder / "allowed",),
        upload_bytes_max=1 << 20,
    )
    app = create_app(chosen, modules=MODULES)
    with TestClient(app, raise_server_exceptions=False) as client:
        job = follow(client, client.post("/v1/render-batches", json=BATCH))
        assert job["state"] == "succeeded", job["error"]
        yield client


@pytest.fixture(scope="module")
def street() -> Frame:
    """What players are asked for."""
    return street_frame(size=(48, 32))


@pytest.fixture(scope="module")
def assets(street: Frame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its assets' folder."""
    return street.write_assets(tmp_path_factory.mktemp("assets"))


@pytest.fixture(scope="module", params=registered.names())
def tested(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TestedPlayer:
    """Each player in turn."""
    return registered.player(request.param, tmp_path_factory.mktemp("executable"))
