"""Augmentation and the threads that carry it out: the same samples whatever the threads do."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from contracts.label_map import LabelMap
from contracts.run import Augmentation
from registry.reader import open_version
from tests.unit.training.training_samples import LABEL_MAP, picture
from training import augment
from training.batches import LabelledFrames, TrainingBatches, plain_batches
from training.data import open_frames
from training.mixing import BatchSampler, draw
from training.streams import stream

NOTHING = {
    "horizontal_flip": 0,
    "scale": (1, 1),
    "rotate_deg": 0,
    "brightness_contrast": 0,
    "hue_saturation": 0,
    "blur": 0,
    "noise": 0,
    "jpeg": 0,
}


@pytest.fixture(scope="module")
def frames(shapes, tmp_path_factory):
    version = open_version(shapes.store, shapes.digests["shapes@1"], name="shapes@1")
    decoded = open_frames(version, "train", (32, 24), tmp_path_factory.mktemp("cache"))
    return LabelledFrames(decoded, np.array(LABEL_MAP.lookup(version.labels), np.uint8))


def batches(frames, count, *, start=0, threads=1, settings=None):
    from tests.unit.training.training_samples import spec

    plan = spec().data
    mix = draw(plan, {("shapes@1", "train"): frames.records, ("shapes@1", "test"): []})
    sampler = BatchSampler(mix.train, on=None, stage="s", batch_size=4, seed=1)
    made = TrainingBatches(
        {0: frames}, sampler, settings or Augmentation(), stage="s", seed=1, start=start, threads=threads
    )
    with made:
        return [(images.clone(), targets.clone()) for images, targets in islice(made, count)]


def same(one, other):
    return len(one) == len(other) and all(
        torch.equal(a, b) for left, right in zip(one, other, strict=True) for a, b in zip(left, right, strict=True)
    )


def test_threads_change_no_sample(frames):
    assert same(batches(frames, 6, threads=1), batches(frames, 6, threads=4))


def test_a_resumed_run_sees_the_batches_that_an_undisturbed_one_would(frames):
    assert same(batches(frames, 6)[4:], batches(frames, 2, start=4))


def test_samples_are_changed_and_differently_each_time(frames):
    plain = batches(frames, 6, settings=Augmentation.model_validate(NOTHING))
    changed = batches(frames, 6)
    assert not same(plain, changed)
    again = batches(frames, 6, start=6)
    assert not same(changed, again)


def test_without_augmentation_samples_are_the_cached_images_through_the_label_map(frames):
    for images, targets in batches(frames, 3, settings=Augmentation.model_validate(NOTHING)):
        for image, target in zip(images, targets, strict=True):
            places = [
                place for place in range(12) if np.array_equal(frames.image(place), image.permute(1, 2, 0).numpy())
            ]
            assert len(places) == 1
            mask = frames.frames.masks[places[0]]
            expected = np.select([mask == 1, mask == 3, mask == 2, mask == 255], [1, 1, 2, 255], 0)
            assert np.array_equal(target.numpy(), expected)


def test_an_error_in_a_thread_reaches_the_loop(frames, monkeypatch):
    def broken(settings, mirrored_ids):
        raise RuntimeError("no such filter")

    monkeypatch.setattr(augment, "build", broken)
    with pytest.raises(RuntimeError, match="no such filter"):
        batches(frames, 1)


def test_tensors_share_the_layout_that_convolutions_like(frames):
    images, targets = next(plain_batches(frames, [3, 1, 2], 2))
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert (images.dtype, images.shape, targets.shape) == (torch.uint8, (2, 3, 24, 32), (2, 24, 32))


class TestAugment:
    def apply(self, settings, seed=0, size=(64, 48)):
        image, mask = picture(5, size)
        return (
            image,
            mask,
            *augment.build(Augmentation.model_validate({**NOTHING, **settings}))(image, mask, stream(seed, "test")),
        )

    @pytest.mark.parametrize("seed", range(8))
    def test_masks_hold_only_ids_that_were_there_or_ignore(self, seed):
        _, mask, _, changed = self.apply({"scale": (0.5, 2), "rotate_deg": 45}, seed)
        assert set(np.unique(changed)) <= set(np.unique(mask)) | {255}

    def test_what_comes_in_from_outside_is_ignored(self):
        _, mask, image, changed = self.apply({"scale": (0.5, 0.5)})
        outside = np.all(image == augment.BORDER_COLOR, axis=-1)
        assert outside.mean() > 0.5
        assert (changed[outside] == 255).mean() > 0.98
        assert (mask == 255).mean() < 0.05

    def test_image_and_mask_move_together(self):
        white = np.zeros((64, 64, 3), np.uint8)
        mask = np.zeros((64, 64), np.uint8)
        white[20:44, 16:40], mask[20:44, 16:40] = 255, 1
        build = augment.build(Augmentation.model_validate({**NOTHING, "scale": (0.8, 1.25), "rotate_deg": 20}))
        for seed in range(10):
            image, changed = build(white, mask, stream(seed, "move"))
            counted = changed != 255
            disagree = ((image[..., 0] > 127) != (changed == 1)) & counted
            assert disagree.mean() < 0.03

    def test_a_certain_flip_is_a_mirror_image(self):
        image, mask, changed_image, changed_mask = self.apply({"horizontal_flip": 1})
        assert np.array_equal(changed_image, image[:, ::-1])
        assert np.array_equal(changed_mask, mask[:, ::-1])

    def test_a_flip_calls_left_what_was_right(self):
        label_map = LabelMap(name="sides", classes={"left_mirror": ["a"], "hood": ["b"], "right_mirror": ["c"]})
        settings = Augmentation.model_validate({**NOTHING, "horizontal_flip": 1})
        mask = np.array([[1, 2, 3, 0, 255]], np.uint8)
        image = np.zeros((1, 5, 3), np.uint8)
        _, changed = augment.build(settings, label_map.mirrored_ids())(image, mask, stream(0, "test"))
        assert changed.tolist() == [[255, 0, 1, 2, 3]]

    @pytest.mark.parametrize("name", ["brightness_contrast", "hue_saturation", "blur", "noise", "jpeg"])
    def test_changes_of_colour_leave_the_mask_alone(self, name):
        image, mask, changed_image, changed_mask = self.apply({name: 1})
        assert not np.array_equal(image, changed_image)
        assert np.array_equal(mask, changed_mask)

    def test_the_stream_decides(self):
        settings = {"horizontal_flip": 0.5, "scale": (0.8, 1.2), "noise": 0.5, "brightness_contrast": 0.5}
        assert np.array_equal(self.apply(settings, 3)[2], self.apply(settings, 3)[2])
        assert not np.array_equal(self.apply(settings, 3)[2], self.apply(settings, 4)[2])

    def test_a_scale_upside_down_is_refused(self):
        with pytest.raises(ValidationError, match="upside down"):
            self.apply({"scale": (1.5, 0.5)})

    def test_importing_it_asks_no_server(self):
        """albumentations looks for newer versions of itself on import unless told not to."""
        code = (
            "import socket\n"
            "def refuse(*arguments): raise SystemExit('a connection was tried')\n"
            "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
            "import training.augment"
        )
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
        assert found.returncode == 0, found.stderr
