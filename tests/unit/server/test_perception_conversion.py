"""Unity Perception's scenario configurations, made into generators. Files are as its manual and class reference say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BeltlineError, ConfigurationError, NotFoundError
from contracts.generator import load_generator
from server.cli import main
from server.perception.conversion import Conversion, convert
from server.perception.scenario import read_scenario
from server.perception.sun import sun_angles, towards_sun

CONFIGS = Path(__file__).resolve().parents[3] / "generator_configs"
METADATA = {"name": "", "description": "", "imageLink": ""}


def sampler(**options: Any) -> dict[str, Any]:
    return {"samplerOptions": {"metadata": METADATA, **options}}


def uniform(low: float, high: float) -> dict[str, Any]:
    return sampler(uniform={"min": low, "max": high, "limits": None})


def constant(value: float) -> dict[str, Any]:
    return sampler(constant={"value": value})


def parameter(**items: Any) -> dict[str, Any]:
    return {"param": {"metadata": METADATA, "items": items}}


def scalar(**value: Any) -> dict[str, Any]:
    return {"scalar": {"metadata": METADATA, "value": value}}


def group(name: str, enabled: bool = True, **items: Any) -> dict[str, Any]:
    state = {"enabled": enabled, "canBeSwitchedByUser": True}
    return {"randomizerId": name, "metadata": METADATA, "state": state, "items": items}


def scenario(*groups: dict[str, Any], **constants: Any) -> dict[str, Any]:
    return {"constants": {"randomSeed": 7, **constants}, "randomizers": {"randomizerGroups": list(groups)}}


SUN = group(
    "SunAngleRandomizer",
    hour=parameter(value=uniform(9, 15)),
    dayOfTheYear=parameter(value=uniform(0, 364)),
    latitude=parameter(value=sampler(normal={"min": 40, "max": 60, "mean": 48, "stddev": 4})),
)
ROTATION = group("RotationRandomizer", rotation=parameter(x=constant(0), y=uniform(0, 360), z=uniform(-5, 5)))
OWN = group("CabinLight", temperature=parameter(value=uniform(3000, 7000)), note=scalar(str="Büro 車"))


def made(folder: Path, document: Any, **options: Any) -> Conversion:
    path = folder / "scenario.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    arguments = {"name": "mine", "extends": "exterior", "folder": CONFIGS} | options
    return convert(read_scenario(path), **arguments)


def reasons(found: Conversion) -> dict[str, str]:
    return {item.source: item.reason for item in found.not_converted}


def test_what_has_a_counterpart_is_taken_over_and_the_rest_is_named(tmp_path: Path) -> None:
    found = made(tmp_path, scenario(SUN, ROTATION, OWN, group("LightRandomizer"), iterationCount=250))
    assert [(item.source, item.field) for item in found.converted] == [
        ("SunAngleRandomizer", "randomizers.sun.elevation_deg"),
        ("SunAngleRandomizer", "randomizers.sun.azimuth_deg"),
        ("RotationRandomizer.rotation.y", "randomizers.camera.azimuth_deg"),
    ]
    assert reasons(found).keys() == {
        "RotationRandomizer.rotation.z",
        "CabinLight.temperature",
        "CabinLight.note",
        "LightRandomizer",
    }
    assert (found.frames, found.seed) == (250, 7)
    path = tmp_path / "mine.yaml"
    path.write_text(found.text())
    generator = load_generator(str(path), CONFIGS)
    assert generator.name == "mine"
    assert generator.randomizers["camera"].azimuth_deg.uniform == (0, 360)  # type: ignore[union-attr]
    assert generator.labels == load_generator("exterior", CONFIGS).labels


def test_both_forms_of_the_file_give_the_same(tmp_path: Path) -> None:
    older = scenario(totalIterations=3)
    bare = {key: value for key, value in ROTATION.items() if key not in ("randomizerId", "state")}
    older["randomizers"] = {"groups": {"RotationRandomizer": bare}}
    assert made(tmp_path, older) == made(tmp_path, scenario(ROTATION, iterationCount=3))


@pytest.mark.parametrize("word", ["stddev", "standardDeviation"])
def test_samplers_become_distributions(word: str, tmp_path: Path) -> None:
    normal = {"min": -30, "max": 300, "mean": 90, word: 20}
    spread = sampler(normal=normal | {"limits": {"min": 0, "max": 360}})
    cases = [
        (spread, {"normal": {"mean": 90, "standard_deviation": 20, "range": [-30, 300]}}),
        (sampler(normal=normal | {word: 0}), 90),
        (sampler(normal=normal | {"mean": 400, word: 0}), 300),
        (uniform(5, 5), 5),
        (constant(45), 45),
    ]
    for given_sampler, expected in cases:
        found = made(tmp_path, scenario(group("RotationRandomizer", rotation=parameter(y=given_sampler))))
        assert found.generator["randomizers"]["camera"]["azimuth_deg"] == expected


def test_a_parameter_of_ones_own_goes_where_one_says(tmp_path: Path) -> None:
    mapped = {"CabinLight.temperature": "light.temperature_k"}
    found = made(tmp_path, scenario(OWN), extends="belt-g4", mapped=mapped)
    assert found.generator["randomizers"] == {"light": {"temperature_k": {"uniform": [3000, 7000]}}}
    assert reasons(found).keys() == {"CabinLight.note"}
    for wrong in ({"CabinLight.temperatur": "light.temperature_k"}, {"CabinLight.temperature": "light.temperature"}):
        with pytest.raises(ConfigurationError) as caught:
            made(tmp_path, scenario(OWN), extends="belt-g4", mapped=wrong)
        assert "temperature" in caught.value.hint


def test_what_a_field_does_not_allow_is_left_out_with_its_bounds(tmp_path: Path) -> None:
    hot = group("CabinLight", temperature=parameter(value=uniform(3000, 70_000)))
    found = made(tmp_path, scenario(hot), mapped={"CabinLight.temperature": "light.temperature_k"})
    assert found.converted == ()
    assert "20000" in reasons(found)["CabinLight.temperature"]
    word = made(tmp_path, scenario(OWN), mapped={"CabinLight.note": "light.temperature_k"})
    assert word.converted == ()


def test_what_is_switched_off_or_unknown_is_named(tmp_path: Path) -> None:
    off = {"enabled": False, "canBeSwitchedByUser": True}
    document = scenario(ROTATION | {"state": off}, framesPerIteration=2, objects=5)
    document["randomizers"]["randomizerGroups"].append(
        group("SunAngleRandomizer", hour=parameter(value=constant(12)), weather=scalar(num=3)) | {"colour": 1}
    )
    found = reasons(made(tmp_path, document))
    assert "switched off" in found["RotationRandomizer"]
    assert found.keys() == {
        "constants.objects",
        "RotationRandomizer",
        "SunAngleRandomizer.weather",
        "randomizers.randomizerGroups.1.colour",
        "constants.framesPerIteration",
    }


def test_no_name_in_the_scenario_gets_out_of_its_comment(tmp_path: Path) -> None:
    found = made(tmp_path, scenario(group("Evil\nname: other\x07\u2028", depth=scalar(num=1))))
    path = tmp_path / "mine.yaml"
    path.write_text(found.text())
    assert load_generator(str(path), CONFIGS).name == "mine"


BAD: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "not valid JSON"),
    "NaN": ('{"randomizers": {"groups": {}}, "constants": {"randomSeed": NaN}}', "NaN"),
    "member twice": ('{"randomizers": {"groups": {}}, "randomizers": {"groups": {}}}', "twice"),
    "a list": ([], "valid dictionary"),
    "SOLO metadata": ({"unityVersion": "2022.3"}, "randomizers"),
    "no groups": ({"randomizers": {}}, "randomizerGroups"),
    "nameless group": ({"randomizers": {"randomizerGroups": [{"items": {}}]}}, "randomizerId"),
    "reversed range": (scenario(group("R", a=parameter(value=uniform(3, 2)))), "items.value.samplerOptions.uniform"),
    "two samplers": (scenario(group("R", a=parameter(value=sampler(
        constant={"value": 1}, uniform={"min": 1, "max": 2})))), "one of constant"),
    "a curve": (scenario(group("R", a=parameter(value=sampler(animationCurve={})))), "one of constant"),
    "negative spread": (scenario(group("R", a=parameter(value=sampler(
        normal={"min": 0, "max": 1, "mean": 0, "stddev": -1})))), "normal.stddev"),
    "number as a word": (scenario(group("R", a=scalar(num="3"))), "value.num"),
    "negative seed": (scenario(randomSeed=-1), "randomSeed"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=lambda name: name.replace(" ", "_"))
def test_what_is_no_scenario_is_refused_by_its_place(case: str, tmp_path: Path) -> None:
    document, said = BAD[case]
    with pytest.raises(ConfigurationError) as caught:
        made(tmp_path, document)
    assert caught.value.code == "invalid_scenario"
    assert said in caught.value.message


def test_sun_at_noon_stands_where_it_does_on_earth() -> None:
    """90 degrees less latitude plus declination, which is -23.5 on January 1st and 23.5 half a year later."""
    noon = np.full(3, 12.0)
    directions = towards_sun(noon, np.array([0.0, 182.5, 0.0]), np.array([48.0, 48.0, -10.0]))
    assert np.rad2deg(np.arcsin(directions[:, 1])) == pytest.approx([18.5, 65.5, 76.5], abs=0.01)
    assert np.all(directions[:, 2] < 0)  # towards the south
    assert directions[:, 0] == pytest.approx(0, abs=1e-9)


def test_sun_rises_in_the_east_and_sets_in_the_west() -> None:
    directions = towards_sun(np.array([8.0, 16.0]), np.full(2, 91.25), np.full(2, 48.0))
    assert directions[0, 0] > 0 > directions[1, 0]
    elevation, azimuth = sun_angles(8.0, 91.25, 48.0)
    assert isinstance(elevation, float)
    assert isinstance(azimuth, float)
    assert -180 < azimuth < 0  # to the right of a vehicle that looks north


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 23), st.floats(0, 364), st.floats(-90, 90))
def test_ranges_of_no_width_are_constants_within_bounds(hour: float, day: float, latitude: float) -> None:
    elevation, azimuth = sun_angles({"uniform": [hour, hour]}, day, latitude)
    assert (elevation, azimuth) == sun_angles(hour, day, latitude)
    assert isinstance(elevation, float)
    assert -5 <= elevation <= 90


def test_quantiles_follow_what_the_samplers_draw() -> None:
    hour, day, latitude = {"uniform": [6, 18]}, {"uniform": [0, 364]}, {"uniform": [30, 60]}
    elevation, _ = sun_angles(hour, day, latitude)
    assert isinstance(elevation, dict)
    rng = np.random.Generator(np.random.Philox(1))
    drawn = towards_sun(rng.uniform(6, 18, 20_000), rng.uniform(0, 364, 20_000), rng.uniform(30, 60, 20_000))
    angles = np.maximum(np.rad2deg(np.arcsin(drawn[:, 1])), -5)
    assert np.mean(elevation["choice"]) == pytest.approx(angles.mean(), abs=0.5)
    assert np.std(elevation["choice"]) == pytest.approx(angles.std(), rel=0.03)


def test_the_command_writes_the_file_whole_or_not_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "scenario.json", tmp_path / "mine.yaml"
    source.write_text(json.dumps(scenario(SUN, ROTATION, OWN, iterationCount=12)))
    words = ["--home", str(tmp_path / "home"), "convert", "perception", str(source), "--out"]
    assert main([*words, str(out)]) == 0
    printed = capsys.readouterr()
    assert "--frames 12 --seed 7" in printed.out
    assert "CabinLight.temperature" in printed.err
    assert main(["--home", str(tmp_path / "home"), "validate", str(out)]) == 0
    capsys.readouterr()
    assert main(["--json", *words, str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["generator"]["extends"] == "exterior"
    before = out.read_bytes()
    for wrong in (
        [str(out), "--extends", "exteriour"],
        [str(out), "--map", "CabinLight.temperature"],
        [str(out), "--map", "CabinLight.note=light.colour"],
        [str(out), "--name", "../x"],
        [str(tmp_path / "mine.txt")],
        [str(tmp_path / "nowhere" / "mine.yaml")],
    ):
        assert main([*words, *wrong]) == 2, wrong
    assert out.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} <= {"scenario.json", "mine.yaml", "home"}


def test_errors_have_the_kind_that_callers_expect(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        made(tmp_path, scenario(), extends="nothing")
    with pytest.raises(BeltlineError):
        read_scenario(tmp_path / "missing.json")
