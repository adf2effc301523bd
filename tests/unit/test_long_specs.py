"""Specs that a message can't hold, on the bridge's side: a file for as long as the request is under way."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import StorageError
from contracts.player_protocol import MESSAGE_LIMIT_BYTES, RenderRequest
from unity_bridge.channel import ENVELOPE_BYTES, fitting

LIMIT_BYTES = MESSAGE_LIMIT_BYTES - ENVELOPE_BYTES


def request(spec: str) -> RenderRequest:
    return RenderRequest(request_id=7, spec=spec, assets="/assets", folder="/folder")


def padded(length_bytes: int) -> RenderRequest:
    """A request whose message has this length."""
    return request("x" * (length_bytes - len(request("").model_dump_json().encode())))


def test_a_spec_that_fits_stays_in_the_message(tmp_path: Path) -> None:
    asked = padded(LIMIT_BYTES)
    with fitting(asked, tmp_path) as sent:
        assert sent == asked
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "asked",
    [padded(LIMIT_BYTES + 1), request('"' * (LIMIT_BYTES // 2)), request("車\r\n" * (LIMIT_BYTES // 4))],
    ids=["one_byte_more", "escaped", "beyond_ascii"],
)
def test_a_longer_one_lies_in_a_file_for_as_long_as_it_is_needed(asked: RenderRequest, tmp_path: Path) -> None:
    """What counts is the message's length in bytes, escapes and all; the file holds the spec's own bytes."""
    with fitting(asked, tmp_path) as sent:
        assert sent.spec == ""
        assert Path(sent.spec_file).read_bytes() == asked.spec.encode()
        assert len(sent.model_dump_json()) < ENVELOPE_BYTES
        assert (sent.request_id, sent.assets, sent.folder) == (7, "/assets", "/folder")
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_left_where_the_player_fails(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError), fitting(padded(LIMIT_BYTES + 1), tmp_path):
        raise TimeoutError
    assert list(tmp_path.iterdir()) == []


def test_a_message_without_a_file_is_what_older_players_read() -> None:
    assert "spec_file" not in request("{}").model_dump_json()


def test_a_file_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "spec-7.json").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"spec-7\.json"), fitting(padded(LIMIT_BYTES + 1), tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
