"""What the camera leaves in a picture: the noise model, centred blurs, and effects that are none at zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from contracts.camera import Camera, Exposure
from contracts.document import validate
from contracts.errors import ConfigurationError
from contracts.generator import Generator
from contracts.sensor import LARGEST_MOTION_BLUR_PX, SensorEffects
from tests.player_frames import LOOK_ALONG_X
from unity_bridge.embedded.exposure import develop
from unity_bridge.embedded.sensor import (
    compressed,
    contrast_table,
    expose,
    motion_kernel,
    noise_variance,
    process,
    vignetting,
)
from unity_bridge.sampling import sample_frame
from unity_bridge.scenes.composition import horizontal_squeeze, intrinsics, sensor_effects

NONE = SensorEffects()


def camera(width: int, height: int, squeeze: float = 1.0) -> Camera:
    return Camera(
        width_px=width,
        height_px=height,
        K=intrinsics(width, height, 60.0, squeeze=squeeze),
        world_from_camera=LOOK_ALONG_X,
    )


def step_edge(width: int = 64, height: int = 48) -> np.ndarray:
    """Dark left half, bright right half, linear."""
    image = np.full((height, width, 3), 0.35, np.float32)
    image[:, width // 2 :] = 0.6
    return image


pictures = hnp.arrays(np.uint8, st.tuples(st.integers(16, 40), st.integers(16, 40), st.just(3)))
radiances = hnp.arrays(
    np.float32,
    st.tuples(st.integers(16, 24), st.integers(16, 24), st.just(3)),
    elements=st.floats(0, 16, width=32),
)


def test_a_monochrome_sensor_has_one_signal_and_one_noise() -> None:
    linear = np.zeros((20, 30, 3), np.float32)
    linear[..., 1] = 0.5
    picture = expose(linear, camera(30, 20), SensorEffects(monochrome=True, iso_gain=4.0), 7)
    assert (picture == picture[..., :1]).all()
    assert picture.std() > 0.001
    assert picture.mean() == pytest.approx(0.5 * 0.7152, rel=0.02)
    noiseless = expose(linear, camera(30, 20), SensorEffects(monochrome=True), 7)
    assert np.allclose(noiseless, 0.5 * 0.7152)


@given(radiances, st.integers(0, 2**32 - 1))
def test_no_effects_are_the_identity(linear: np.ndarray, seed: int) -> None:
    assert np.array_equal(expose(linear, camera(linear.shape[1], linear.shape[0]), NONE, seed), linear)


@given(pictures)
def test_no_processing_is_the_identity(image: np.ndarray) -> None:
    assert process(image, NONE) is image


def test_effects_do_not_write_into_what_they_are_given() -> None:
    linear = step_edge()
    linear.flags.writeable = False
    everything = SensorEffects(
        vignetting_stops=1, defocus_sigma_px=1, motion_blur_px=3, iso_gain=8, sharpening_amount=1, jpeg_quality=60
    )
    exposed = expose(linear, camera(64, 48), everything, 0)
    image = develop(exposed, Exposure(ev100=10))
    image.flags.writeable = False
    assert process(image, everything).shape == linear.shape


@settings(max_examples=30)
@given(st.floats(0.01, 2.0), st.floats(10000, 100000), st.floats(0.5, 64), st.floats(0, 50), st.integers(0, 2**32 - 1))
def test_noise_has_the_mean_and_variance_of_its_model(
    signal: float, full_well: float, gain: float, read_noise: float, seed: int
) -> None:
    effects = SensorEffects(full_well_electrons=full_well, iso_gain=gain, read_noise_electrons=read_noise)
    linear = np.full((96, 96, 3), signal, np.float32)
    noisy = expose(linear, camera(96, 96), effects, seed).astype(np.float64)
    electrons = full_well / gain
    expected = signal / electrons + (read_noise / electrons) ** 2
    count = noisy.size
    # Five standard errors of a mean, and of a variance of normal draws.
    assert noisy.mean() == pytest.approx(signal, abs=5 * (expected / count) ** 0.5)
    assert noisy.var() == pytest.approx(expected, rel=5 * (2 / count) ** 0.5)


@given(st.floats(0, 4), st.floats(0, 4), st.floats(0.1, 64), st.floats(0, 50))
def test_noise_variance_is_linear_in_the_signal_above_the_read_floor(
    first: float, second: float, gain: float, read_noise: float
) -> None:
    effects = SensorEffects(iso_gain=gain, read_noise_electrons=read_noise)
    signals = np.array([0.0, first, second, (first + second) / 2], np.float32)
    floor, one, other, middle = noise_variance(signals, effects).tolist()
    assert floor == pytest.approx((read_noise * gain / effects.full_well_electrons) ** 2, rel=1e-5)
    assert middle == pytest.approx((one + other) / 2, rel=1e-4, abs=1e-12)
    assert one - floor == pytest.approx(first * gain / effects.full_well_electrons, rel=1e-3, abs=1e-6)


def test_noise_follows_the_frame_s_seed_and_differs_between_colours() -> None:
    grey = np.full((64, 64, 3), 0.3, np.float32)
    effects = SensorEffects(iso_gain=8)
    first, again, other = (expose(grey, camera(64, 64), effects, seed) - grey for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    pairs = [(first[..., 0], first[..., 1]), (first[..., 1], first[..., 2]), (first, other)]
    assert all(abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.08 for one, two in pairs)


@given(st.floats(0, LARGEST_MOTION_BLUR_PX), st.floats(-180, 180))
def test_a_motion_kernel_sums_to_one_and_is_centred(length: float, angle: float) -> None:
    kernel = motion_kernel(length, angle)
    reach = kernel.shape[0] // 2
    places = np.arange(-reach, reach + 1)
    assert kernel.shape[0] == kernel.shape[1] == 2 * reach + 1
    assert (kernel >= 0).all()
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.sum(axis=0) @ places == pytest.approx(0, abs=1e-5)
    assert kernel.sum(axis=1) @ places == pytest.approx(0, abs=1e-5)


@given(st.floats(1, LARGEST_MOTION_BLUR_PX), st.floats(-90, 90))
def test_a_motion_kernel_lies_along_its_direction(length: float, angle: float) -> None:
    kernel = motion_kernel(length, angle).astype(np.float64)
    reach = kernel.shape[0] // 2
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along = right * np.cos(np.radians(angle)) + down * np.sin(np.radians(angle))
    across = down * np.cos(np.radians(angle)) - right * np.sin(np.radians(angle))
    # An even line of length L has the variance L^2 / 12; sharing points among neighbours adds at most 1/4 either way.
    assert length**2 / 12 - 0.01 <= (kernel * along**2).sum() <= length**2 / 12 + 0.26
    assert (kernel * across**2).sum() <= 0.26


@pytest.mark.parametrize("effects", [{"defocus_sigma_px": 2.0}, {"motion_blur_px": 4.0}, {"sharpening_amount": 2.0}])
def test_an_edge_stays_in_its_place(effects: dict[str, float]) -> None:
    sensor = SensorEffects.model_validate(effects)
    linear = step_edge()
    exposed = expose(linear, camera(64, 48), sensor, 0)
    image = process(np.rint(exposed * 255).astype(np.uint8), sensor)
    # What the blur takes from one side it gives to the other: the profile is antisymmetric about the edge.
    profile = image[24, :, 0].astype(float) - image[24, :, 0].mean()
    assert profile == pytest.approx(-profile[::-1], abs=1.0)
    assert image[24, 31, 0] < image[24, 32, 0]


@given(st.floats(0.5, 2.5))
def test_contrast_keeps_black_middle_and_white_and_steepens_between(slope: float) -> None:
    table = contrast_table(slope).astype(int)
    assert (table[0], table[255]) == (0, 255)
    assert np.all(np.diff(table) >= 0)
    assert np.array_equal(table, 255 - table[::-1])
    assert (table[136] - table[120]) / 16 == pytest.approx(slope, abs=0.1)  # steepest in the middle


def test_contrast_of_one_is_no_change() -> None:
    assert np.array_equal(contrast_table(1.0), np.arange(256))


def test_sharpening_leaves_a_halo_and_keeps_flat_colour() -> None:
    flat = np.full((32, 32, 3), (200, 90, 40), np.uint8)
    sharpening = SensorEffects(sharpening_amount=1.5)
    assert np.array_equal(process(flat, sharpening), flat)
    edge = np.rint(step_edge() * 255).astype(np.uint8)
    sharp = process(edge, sharpening)
    assert sharp[24, 32, 0] > edge[24, 32, 0] + 10
    assert sharp[24, 31, 0] < edge[24, 31, 0] - 5
    assert np.array_equal(sharp[:, :20], edge[:, :20])


def test_vignetting_is_nothing_on_the_axis_and_all_of_it_in_the_corner() -> None:
    shares = vignetting(camera(65, 65), 2.0)
    assert shares[32, 32] == pytest.approx(1)
    assert shares[0, 0] == pytest.approx(0.25, abs=0.02)
    assert shares[0, 0] == shares[64, 64] == shares[0, 64]
    # A picture squeezed from 4:3 has the corner's share in its corners still, but loses more to the sides than above.
    squeezed = vignetting(camera(65, 65, squeeze=0.75), 2.0)
    assert squeezed[0, 0] == pytest.approx(0.25, abs=0.02)
    assert squeezed[32, 0] < shares[32, 0] < shares[0, 32] + 1e-6 < squeezed[0, 32]


@pytest.mark.parametrize("quality", [30, 60, 80, 95])
def test_compression_keeps_size_and_loses_less_the_higher_its_quality(quality: int) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (45, 37, 1), dtype=np.uint8)
    grey = np.repeat(noise, 3, axis=2)

    def error(level: int) -> float:
        return float(((compressed(grey, level).astype(float) - grey) ** 2).mean())

    assert compressed(grey, quality).shape == grey.shape
    assert error(quality + 4) < error(quality)


def test_compression_halves_the_resolution_of_colour_only() -> None:
    light = np.zeros((32, 32, 3), np.uint8)
    light[:, ::2] = 200
    assert np.abs(compressed(light, 95).astype(int) - light).max() < 12
    color = np.full((32, 32, 3), (180, 90, 90), np.uint8)
    color[:, ::2] = (52, 155, 90)  # of nearly the same luma
    stripes = np.ptp(compressed(color, 95)[16, 8:24, 0].astype(int))
    assert stripes < 0.2 * (180 - 52)


def generator(**sensor: object) -> Generator:
    return validate(
        Generator,
        {
            "schema_version": 1,
            "name": "seen",
            "scenario": "exterior",
            "camera": {"size": [64, 48], "horizontal_fov_deg": {"uniform": [50, 70]}},
            "randomizers": {
                "light": {"kind": "Light", "exposure_ev": {"uniform": [-1, 1]}},
                **({"sensor": {"kind": "Sensor", **sensor}} if sensor else {}),
            },
            "labels": {"body": {}},
        },
    )


@given(st.integers(0, 2**53 - 1), st.integers(0, 2**31 - 1))
def test_sampled_effects_are_valid_and_change_no_other_draw(seed: int, index: int) -> None:
    plain = sample_frame(generator(), seed, index)
    seen = sample_frame(
        generator(
            aspect_ratio={"uniform": [1.2, 1.8]},
            iso_gain={"log_uniform": [0.5, 64]},
            jpeg_quality={"uniform": [30, 100]},
            motion_blur_angle_deg={"uniform": [-180, 180]},
        ),
        seed,
        index,
    )
    assert seen.values["light"] == plain.values["light"]
    assert seen.horizontal_fov_deg == plain.horizontal_fov_deg
    effects = sensor_effects(seen)
    assert effects.iso_gain == pytest.approx(seen.values["sensor"]["iso_gain"], abs=1e-6)
    assert effects.jpeg_quality == round(float(seen.values["sensor"]["jpeg_quality"]))
    taken = float(seen.values["sensor"]["aspect_ratio"])
    for size in ((64, 64), (160, 128), (48, 64)):
        assert horizontal_squeeze(seen, size) == pytest.approx(size[0] / size[1] / taken, abs=1e-6)
        assert horizontal_squeeze(plain, size) == 1
    assert sensor_effects(plain) == NONE


def test_a_sensor_that_is_not_told_anything_has_no_effects() -> None:
    drawn = sample_frame(generator(jpeg_quality=100), 0, 0)
    assert sensor_effects(drawn) == NONE
    assert horizontal_squeeze(drawn, (64, 48)) == 1


def test_pixels_stay_within_three_to_one() -> None:
    for taken, expected in ((0.01, 3.0), (4.0, 1 / 3)):
        drawn = sample_frame(generator(aspect_ratio=taken), 0, 0)
        assert horizontal_squeeze(drawn, (64, 64)) == pytest.approx(expected, abs=1e-6)


def test_effects_beyond_what_masks_can_be_checked_against_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="motion_blur_px"):
        generator(motion_blur_px={"uniform": [0, 9]})


@given(st.floats(0.5, 2), st.floats(20, 100))
def test_a_squeeze_keeps_the_horizontal_field_of_view(squeeze: float, fov_deg: float) -> None:
    (fx, _, cx), (_, fy, cy), _ = intrinsics(64, 48, fov_deg, squeeze=squeeze)
    assert fx / fy == pytest.approx(squeeze)
    assert 2 * np.degrees(np.arctan(32 / fx)) == pytest.approx(fov_deg)
    assert (cx, cy) == (32, 24)
