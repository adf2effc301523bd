"""Frames rendered anew beside what a lock says of them: every cause of drift is called by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from regeneration_samples import FRAMES, ZERO, as_wanted, of_each_frame, on_another_platform

from contracts.errors import BeltlineError
from contracts.frame import PlayerIdentity
from contracts.lock import LockedDataset, Trace, TraceRequest
from server.application import Application
from server.regeneration.checking import check
from server.regeneration.drift import compare_frames
from server.traces import block_means, pixel_digest
from tests.service.homes import application


class TestDrift:
    def test_what_is_as_locked_shows_none(self, entry: LockedDataset, trace: Trace) -> None:
        assert compare_frames(entry, trace.frames, trace.platform) == []

    @pytest.mark.parametrize(
        ("changes", "kinds"),
        [
            ({"parameters": {"view.azimuth_deg": 0.5}}, ["sampling"]),
            ({"attempt": 1}, ["gate"]),
            ({"assets_digest": ZERO}, ["assets"]),
            ({"spec_digest": ZERO}, ["composition"]),
            ({"pixels": {"image": ZERO, "mask": ZERO}}, ["labels", "pixels"]),
        ],
    )
    def test_it_is_called_by_its_name(
        self, entry: LockedDataset, trace: Trace, changes: dict[str, Any], kinds: list[str]
    ) -> None:
        found = compare_frames(of_each_frame(entry, **changes), trace.frames[:2], trace.platform)
        assert [(finding.kind, finding.drift) for finding in found] == [(kind, True) for kind in kinds]
        assert all(finding.frames == (0, 1) for finding in found)

    def test_a_value_drawn_otherwise_is_shown(self, entry: LockedDataset, trace: Trace) -> None:
        frame = entry.witnesses[4].model_copy(update={"parameters": {"view.azimuth_deg": 0.5}})
        locked = entry.model_copy(update={"witnesses": (*entry.witnesses[:4], frame, *entry.witnesses[5:])})
        (finding,) = compare_frames(locked, trace.frames, trace.platform)
        (change,) = finding.changes
        assert (change.path, change.locked, change.now) == ("view.azimuth_deg", 0.5, 4.0)
        assert finding.frames == (4,)

    def test_another_player_is_drift_and_another_platform_alone_is_not(
        self, entry: LockedDataset, trace: Trace
    ) -> None:
        locked = entry.model_copy(update={"rendered_by": PlayerIdentity(name="stand-in", version="0.9")})
        (finding,) = compare_frames(locked, trace.frames, trace.platform)
        assert (finding.kind, finding.drift) == ("player", True)
        (finding,) = compare_frames(on_another_platform(entry), trace.frames, trace.platform)
        assert (finding.kind, finding.drift) == ("platform", False)
        variant = entry.model_copy(update={"rendered_by": PlayerIdentity(name="stand-in", version="1.scalar")})
        (finding,) = compare_frames(variant, trace.frames, trace.platform)
        assert (finding.kind, finding.changes[0].locked) == ("platform", "scalar")


class TestChecking:
    @pytest.mark.parametrize("shift", [0.0, 1.5])
    def test_images_of_another_platform_are_compared_statistically(
        self, service: Application, entry: LockedDataset, trace: Trace, shift: float
    ) -> None:
        noise = np.random.Generator(np.random.Philox(5)).normal(0, 0.6, (FRAMES, 48))
        witnesses = tuple(
            frame.model_copy(
                update={
                    "pixels": {**frame.pixels, "image": ZERO},
                    "blocks": tuple(np.clip(np.array(frame.blocks) + row + shift, 0, 255).tolist()),
                }
            )
            for frame, row in zip(entry.witnesses, noise, strict=True)
        )
        here = entry.model_copy(update={"witnesses": witnesses})
        assert compare_frames(here, trace.frames, trace.platform)[0].drift, "here, images are the same bytes"
        found = check(service, as_wanted(on_another_platform(here)), sample=2, sample_seed=1)
        assert found.same is (shift == 0)
        assert found.frames_rendered == FRAMES, "the sample grows until the test can tell"

    def test_all_finds_a_frame_that_only_its_fingerprint_tells(
        self, service: Application, entry: LockedDataset
    ) -> None:
        few = entry.model_copy(update={"witnesses": entry.witnesses[:1], "records": "A" * len(entry.records)})
        found = check(service, as_wanted(few), sample=None, sample_seed=0)
        assert (found.same, found.frames_rendered) == (False, FRAMES)
        (finding,) = found.findings
        assert finding.message.startswith(f"parameters, labels or images differ in {FRAMES - 1} of")

    def test_all_of_what_is_as_locked_is_the_same(self, service: Application, entry: LockedDataset) -> None:
        few = entry.model_copy(update={"witnesses": entry.witnesses[:1]})
        found = check(service, as_wanted(few), sample=None, sample_seed=0)
        assert (found.same, found.findings, found.frames_rendered) == (True, (), FRAMES)

    def test_another_batch_than_locked_is_named(self, service: Application, entry: LockedDataset) -> None:
        wanted = replace(as_wanted(entry), seed=4)
        (finding,) = check(service, wanted, sample=1, sample_seed=0).findings
        assert (finding.kind, finding.changes[0].path, finding.changes[0].now) == ("request", "seed", 4)


class TestPixels:
    def test_digests_tell_values_and_shapes_apart(self) -> None:
        values = np.arange(12, dtype=np.uint8).reshape(3, 4)
        digests = {
            pixel_digest(values),
            pixel_digest(values.reshape(4, 3)),
            pixel_digest(values.astype(np.uint16)),
            pixel_digest(values[..., None].repeat(3, 2)),
        }
        assert len(digests) == 4
        assert pixel_digest(values.astype(">u2")) == pixel_digest(values.astype("<u2"))
        assert pixel_digest(np.asfortranarray(values)) == pixel_digest(values)

    def test_block_means_go_row_by_row(self) -> None:
        image = np.zeros((8, 12, 3), np.uint8)
        image[0:2, 3:6] = (10, 20, 30)
        means = block_means(image)
        assert means[3:6] == (10.0, 20.0, 30.0)
        assert sum(means) == 60.0


def test_a_trace_renders_anew_and_leaves_nothing(service: Application) -> None:
    found = service.trace("boxes", TraceRequest(frames=(5, 2), seed=1))
    assert [frame.record.index for frame in found.frames] == [5, 2]
    assert list((service.settings.cache / "traces").iterdir()) == []
    failing = application(service.settings.home.parent / "failing", players={"fails": ("fail-at=2",)})
    with failing, pytest.raises(BeltlineError, match="frame 2 was rejected"):
        failing.trace("boxes", TraceRequest(frames=(1, 2), player="fails"))
