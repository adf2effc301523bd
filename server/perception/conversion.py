"""From a Perception scenario to a generator that extends one of ours: what has a counterpart, and what has none.

A scenario file says how things vary, never what they are: objects, lights and cameras stay in the Unity scene. So the
generator takes its content from the one it extends, and from the scenario those distributions that mean the same here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from contracts.document import Document
from contracts.errors import ConfigurationError, nearest
from contracts.generator import Generator, resolve_generator
from contracts.ids import Seed
from server.perception.scenario import Item, PerceptionRandomizer, Sampler, Scenario

_SUN = "SunAngleRandomizer"
_SUN_DEFAULTS: dict[str, Sampler] = {
    "hour": {"uniform": [0, 24]},
    "dayOfTheYear": {"uniform": [0, 364]},
    "latitude": {"uniform": [-90, 90]},
}
"""Its parameters, and what they are where the file leaves one out."""
_ROTATION = "RotationRandomizer"
_IN_TAGS = "its ranges stand in tags of the scene, not in this file; here they are {here}"
_NO_COUNTERPART = {
    "LightRandomizer": _IN_TAGS.format(here="fields of the randomizer Light"),
    "VolumeRandomizer": _IN_TAGS.format(here="fields of the randomizers Light and Sensor"),
    "SkyboxRandomizer": _IN_TAGS.format(here="fields of the randomizers Surroundings and Outside"),
    "TransformRandomizer": _IN_TAGS.format(here="fields of the camera's randomizer"),
    "MaterialPropertyRandomizer": _IN_TAGS.format(here="fields of the randomizers Paint, Clothing and Interior"),
    "MaterialSwapperRandomizer": _IN_TAGS.format(here="fields of the randomizers Paint, Clothing and Interior"),
    "SubstanceRandomizer": _IN_TAGS.format(here="fields of the randomizers Paint, Clothing and Interior"),
    "AnimationRandomizer": "poses are words here: the field `pose` of the randomizer Occupant",
    "SceneRandomizer": "there is one scene here: choose what to extend",
    "TextureRandomizer": "textures come with the scenario here",
    "HueOffsetRandomizer": "it does not say whose colour; colours are words here, such as those of Paint.color",
    "ColorRandomizer": "it does not say whose colour; colours are words here, such as those of Paint.color",
    "ForegroundObjectPlacementRandomizer": "the objects stand in the Unity scene; the scenario places vehicle "
    "and occupant here",
    "BackgroundObjectPlacementRandomizer": "the objects stand in the Unity scene; here `clutter` and "
    "`other_vehicles` of Surroundings say how much stands around",
}


class Converted(Document):
    """A distribution that was taken over."""

    source: str
    """Path in the scenario."""
    field: str
    """Path in the generator."""
    note: str = ""
    """What is assumed, or differs."""


class NotConverted(Document):
    """Something of the scenario that the generator does not have."""

    source: str
    """Path in the scenario."""
    reason: str


class Conversion(Document):
    """A generator made of a scenario."""

    generator: dict[str, Any]
    """As it is written to its file."""
    converted: tuple[Converted, ...]
    not_converted: tuple[NotConverted, ...]
    frames: int | None
    """How many the scenario makes, where it says so."""
    seed: Seed | None
    """Its random seed. It gives other draws here."""

    def text(self) -> str:
        """The generator's file, with what was not converted as comments."""
        lines = [_comment(f"Not converted: {item.source}: {item.reason}") for item in self.not_converted]
        body = yaml.safe_dump(self.generator, sort_keys=False, default_flow_style=None, width=118, allow_unicode=True)
        return "".join(line + "\n" for line in lines) + body


def _comment(text: str) -> str:
    """One line, whatever a name in the scenario holds."""
    return "# " + "".join(letter if letter.isprintable() else " " for letter in text)


class _Builder:
    """Takes distributions over one by one, each only where the generator with it is valid."""

    def __init__(self, base: Generator, extends: str, name: str, folder: Path) -> None:
        self.document: dict[str, Any] = {"schema_version": 1, "name": name, "extends": extends}
        self.converted: list[Converted] = []
        self.not_converted: list[NotConverted] = []
        self._base = base
        self._folder = folder
        # Refused here are a bad name, and a generator to extend that there is not.
        resolve_generator(self.document, folder, source=name)

    def randomizer_of(self, kind: str) -> str | None:
        """Name of the base's randomizer of a kind."""
        return next((name for name, item in self._base.randomizers.items() if item.kind == kind), None)

    def take(self, source: str, field: str, value: Any, note: str = "") -> None:
        """Set `randomizer.field`, or say why that can't be."""
        randomizer, _, key = field.partition(".")
        randomizers = self.document.get("randomizers", {})
        changed = self.document | {
            "randomizers": randomizers | {randomizer: randomizers.get(randomizer, {}) | {key: value}}
        }
        try:
            resolve_generator(changed, self._folder, source=source)
        except ConfigurationError as error:
            self.leave(source, error.message.removeprefix(f"{source}: "))
            return
        self.document = changed
        self.converted.append(Converted(source=source, field=f"randomizers.{field}", note=note))

    def leave(self, source: str, reason: str) -> None:
        """Say that something has no counterpart."""
        self.not_converted.append(NotConverted(source=source, reason=reason))


def convert(
    scenario: Scenario, *, name: str, extends: str, folder: Path, mapped: Mapping[str, str] | None = None
) -> Conversion:
    """Make a generator of a scenario.

    Args:
        scenario: What `read_scenario` gives.
        name: Of the generator.
        extends: Name of the generator that it extends.
        folder: Where named generators lie.
        mapped: Fields such as `light.temperature_k` by path in the scenario, for what only its author knows.

    Raises:
        ConfigurationError: A bad name, or a path in `mapped` that the scenario or the generator does not have.
        NotFoundError: There is no generator `extends`.
    """
    base = resolve_generator({"extends": extends, "name": name}, folder, source=name)
    builder = _Builder(base, extends, name, folder)
    wanted = dict(mapped or {})
    _check_mapped(scenario, wanted, base)
    for randomizer in scenario.randomizers:
        if randomizer.enabled:
            _convert_randomizer(builder, randomizer, wanted)
        else:
            builder.leave(randomizer.name, "it is switched off in the scenario")
    for path in scenario.unknown:
        own = path.startswith("constants.")
        builder.leave(path, "a constant of the project's own" if own else "no field of a scenario configuration")
    if scenario.frames_per_iteration > 1:
        builder.leave("constants.framesPerIteration", "every frame is drawn anew here")
    frames = None if scenario.iterations is None else scenario.iterations * scenario.frames_per_iteration
    return Conversion(
        generator=builder.document,
        converted=tuple(builder.converted),
        not_converted=tuple(builder.not_converted),
        frames=frames,
        seed=scenario.seed,
    )


def _check_mapped(scenario: Scenario, mapped: Mapping[str, str], base: Generator) -> None:
    known = {item.path for randomizer in scenario.randomizers for item in randomizer.items}
    for source, field in mapped.items():
        if source not in known:
            raise ConfigurationError(
                f"the scenario has no '{source}'", code="unknown_parameter", hint=nearest(source, known)
            )
        randomizer, _, key = field.partition(".")
        item = base.randomizers.get(randomizer)
        fields = {f"{name}.{each}" for name, other in base.randomizers.items() for each in type(other).model_fields}
        if item is None or key not in type(item).model_fields or key == "kind":
            raise ConfigurationError(
                f"'{base.name}' has no field '{field}'",
                code="unknown_field",
                hint=nearest(field, {name for name in fields if not name.endswith(".kind")}),
            )


def _convert_randomizer(builder: _Builder, randomizer: PerceptionRandomizer, mapped: Mapping[str, str]) -> None:
    own = [item for item in randomizer.items if item.path in mapped]
    for item in own:
        builder.take(item.path, mapped[item.path], item.value, "as told")
    rest = [item for item in randomizer.items if item.path not in mapped]
    if randomizer.name == _SUN and not own:
        _convert_sun(builder, randomizer, rest)
    elif randomizer.name == _ROTATION and not own:
        _convert_rotation(builder, rest)
    elif randomizer.name in _NO_COUNTERPART:
        if rest or not own:
            builder.leave(randomizer.name, _NO_COUNTERPART[randomizer.name])
    else:
        for item in rest:
            builder.leave(item.path, "a randomizer of the project's own: --map says what it stands for")
        if not randomizer.items:
            builder.leave(randomizer.name, "a randomizer of the project's own, without parameters in this file")


def _convert_sun(builder: _Builder, randomizer: PerceptionRandomizer, items: Sequence[Item]) -> None:
    from server.perception.sun import sun_angles  # SciPy takes its time, and most scenarios have no sun

    given = {name: randomizer.sampler(name) for name in _SUN_DEFAULTS}
    elevation, azimuth = sun_angles(
        *(default if (sampler := given[name]) is None else sampler for name, default in _SUN_DEFAULTS.items())
    )
    name = builder.randomizer_of("SunDirection")
    if name is None:
        builder.leave(_SUN, f"'{builder.document['extends']}' has no sun")
        return
    together = isinstance(elevation, dict) and isinstance(azimuth, dict)
    apart = "drawn apart from each other here" if together else ""
    builder.take(_SUN, f"{name}.elevation_deg", elevation, apart)
    north = "the vehicle's forward axis is taken to be Unity's z, which is north"
    builder.take(_SUN, f"{name}.azimuth_deg", azimuth, f"{north}; {apart}" if apart else north)
    _leave_others(builder, items, {f"{_SUN}.{field}" for field in _SUN_DEFAULTS})


def _convert_rotation(builder: _Builder, items: Sequence[Item]) -> None:
    camera = builder.randomizer_of("OrbitCamera")
    for item in items:
        axis = item.path.removeprefix(f"{_ROTATION}.rotation.")
        if axis in ("x", "z"):
            if item.value != 0:
                builder.leave(item.path, "vehicles and occupants stand upright here")
        elif axis == "y" and camera is not None:
            # Unity turns clockwise seen from above: a camera that stands still then goes round to the vehicle's left.
            builder.take(
                item.path,
                f"{camera}.azimuth_deg",
                item.value,
                "the camera goes round in place of the object, from its front at 0",
            )
        elif axis == "y":
            builder.leave(item.path, f"no camera goes round in '{builder.document['extends']}'")
    _leave_others(builder, items, {f"{_ROTATION}.rotation.{axis}" for axis in "xyz"})


def _leave_others(builder: _Builder, items: Sequence[Item], known: set[str]) -> None:
    for item in items:
        if item.path not in known:
            builder.leave(item.path, "no parameter of Perception's randomizer of this name")
