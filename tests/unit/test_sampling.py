"""Sampling is pure, independent of sharding and order, and every randomizer is a stream of its own."""

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.document import validate
from contracts.generator import Generator
from unity_bridge.sampling import sample_frame, stream

RANDOMIZERS = {
    "sun": {"kind": "SunDirection", "elevation_deg": {"uniform": [5, 70]}, "azimuth_deg": {"uniform": [0, 360]}},
    "light": {
        "kind": "Light",
        "temperature_k": {"normal": {"mean": 5600, "standard_deviation": 900, "range": [2400, 7200]}},
        "exposure_ev": {"uniform": [-1.5, 1.5]},
    },
    "occupancy": {"kind": "Choice", "of": {"belted": 0.7, "unbelted": 0.3}},
    "weather": {"kind": "Choice", "of": {"clear": 1, "overcast": 2, "dusk": 1}},
}
seeds = st.integers(0, 2**53 - 1)
indices = st.integers(0, 2**31 - 1)
attempts = st.integers(0, 8)


def generator(names=tuple(RANDOMIZERS)):
    return validate(
        Generator,
        {
            "schema_version": 1,
            "name": "sampled",
            "scenario": "cabin",
            "camera": {"size": [64, 48], "horizontal_fov_deg": {"uniform": [50, 70]}},
            "randomizers": {name: RANDOMIZERS[name] for name in names},
            "labels": {"seat_belt": {}, "skin": {}},
        },
    )


@given(seeds, indices, attempts)
def test_a_frame_is_a_pure_function_of_seed_index_and_attempt(seed, index, attempt):
    assert sample_frame(generator(), seed, index, attempt) == sample_frame(generator(), seed, index, attempt)


@given(seeds, indices, attempts, st.permutations(list(RANDOMIZERS)), st.integers(1, len(RANDOMIZERS)))
def test_adding_removing_and_reordering_randomizers_changes_no_other_draw(seed, index, attempt, order, kept):
    whole = sample_frame(generator(), seed, index, attempt)
    part = sample_frame(generator(tuple(order[:kept])), seed, index, attempt)
    assert part.values == {name: whole.values[name] for name in order[:kept]}
    assert part.horizontal_fov_deg == whole.horizontal_fov_deg


@settings(max_examples=25)
@given(seeds, st.integers(1, 12), st.integers(1, 6))
def test_sharding_changes_nothing(seed, count, workers):
    document = generator()
    whole = [sample_frame(document, seed, index).flat() for index in range(count)]
    sharded = {}
    for worker in reversed(range(workers)):
        for index in range(worker, count, workers):
            sharded[index] = sample_frame(document, seed, index).flat()
    assert whole == [sharded[index] for index in range(count)]


@given(seeds, indices)
def test_a_redraw_is_another_draw(seed, index):
    first, second = (sample_frame(generator(), seed, index, attempt) for attempt in (0, 1))
    assert first.values["sun"] != second.values["sun"]


@given(seeds, indices, attempts)
def test_a_redraw_keeps_the_variants(seed, index, attempt):
    first, later = (sample_frame(generator(), seed, index, number) for number in (0, attempt))
    assert first.variants() == later.variants()


def test_neighbouring_streams_are_unrelated():
    draws = {
        float(stream(seed, index, attempt, *names).random())
        for seed in (0, 1, 2**32, 2**32 + 1)
        for index in (0, 1)
        for attempt in (0, 1)
        for names in (("a", "b"), ("ab",), ("a", "c"), ("b", "a"))
    }
    assert len(draws) == 4 * 2 * 2 * 4


def test_draws_are_these_numbers():
    """Golden: numbers that published datasets rest on; a change here changes every dataset."""
    values = sample_frame(generator(), 0, 7).flat()
    assert values == GOLDEN_FRAME_7


def test_labels_must_appear_in_the_variants_that_were_drawn():
    document = generator().model_dump(mode="json")
    document["labels"] = {"seat_belt": {"must_appear_in": "belted"}, "skin": {"must_appear_in": "always"}, "hair": {}}
    checked = validate(Generator, document)
    drawn = {sample_frame(checked, 3, index).choice("occupancy"): index for index in range(40)}
    assert sample_frame(checked, 3, drawn["belted"]).must_appear() == ("seat_belt", "skin")
    assert sample_frame(checked, 3, drawn["unbelted"]).must_appear() == ("skin",)


GOLDEN_FRAME_7 = {
    "camera.horizontal_fov_deg": 68.76645108891296,
    "sun.detail_seed": 197977405,
    "sun.elevation_deg": 60.42009880937652,
    "sun.azimuth_deg": 295.4038556781903,
    "light.detail_seed": 903021959,
    "light.temperature_k": 5612.9393772113535,
    "light.sun_illuminance_lux": 60000.0,
    "light.sky_luminance_cd_m2": 5000.0,
    "light.exposure_ev": -0.21001214713932725,
    "light.white_balance_k": 6500.0,
    "occupancy.detail_seed": 3236384517,
    "occupancy.of": "belted",
    "weather.detail_seed": 3693764047,
    "weather.of": "overcast",
}
