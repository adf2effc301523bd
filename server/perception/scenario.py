"""Reading a Unity Perception scenario configuration: the JSON that the scenario's inspector writes and a player loads.

Source: Unity Perception 1.0 manual, "Scenarios", section "JSON Configuration", and the class reference of randomizers,
parameters and samplers. Two forms are about: `randomizers.randomizerGroups`, a list, and in older
versions `randomizers.groups`, a mapping by the randomizer's class. Perception itself passes over ids and fields that it
doesn't know; here they are listed instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from contracts.document import read_file
from contracts.errors import ConfigurationError

MAXIMUM_SCENARIO_BYTES = 4 << 20
_FORM = 'write it with the scenario\'s button "Generate JSON Config"'

Sampler = Annotated[dict[str, Any], Field(max_length=1)] | float
"""A distribution as a generator writes it: a number, `{uniform: …}` or `{normal: …}`."""


class _Part(BaseModel):
    """A part of the file. What it holds beyond the known fields is kept, to be listed."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False, alias_generator=to_camel)


class _Metadata(_Part):
    name: str = ""
    description: str = ""
    image_link: str = ""


class _Limits(_Part):
    min: float
    max: float


class _SamplerLimits(_Part):
    """What a person may change a sampler to; it changes no draw."""

    limits: _Limits | None = None
    min_allowed: float = 0.0
    max_allowed: float = 0.0
    should_check_valid_range: bool = False


class _Constant(_SamplerLimits):
    value: float


class _Uniform(_SamplerLimits):
    min: float
    max: float

    @model_validator(mode="after")
    def _ordered(self) -> _Uniform:
        if self.min > self.max:
            raise ValueError("min lies above max")
        return self


class _Normal(_Uniform):
    mean: float
    stddev: Annotated[float | None, Field(ge=0)] = None
    standard_deviation: Annotated[float | None, Field(ge=0)] = None
    """Its name in some versions."""

    @model_validator(mode="after")
    def _spread(self) -> _Normal:
        if (self.stddev is None) == (self.standard_deviation is None):
            raise ValueError("give stddev")
        return self

    @property
    def deviation(self) -> float:
        """Standard deviation before truncation."""
        return self.stddev if self.stddev is not None else self.standard_deviation or 0.0


class _SamplerOptions(_Part):
    metadata: _Metadata = _Metadata()
    constant: _Constant | None = None
    uniform: _Uniform | None = None
    normal: _Normal | None = None

    @model_validator(mode="after")
    def _one(self) -> _SamplerOptions:
        if sum(item is not None for item in (self.constant, self.uniform, self.normal)) != 1:
            raise ValueError("a sampler is one of constant, uniform and normal")
        return self


class _ScalarValue(_Part):
    number: Annotated[float | None, Field(alias="num", strict=True)] = None
    text: Annotated[str | None, Field(alias="str", strict=True)] = None
    truth: Annotated[bool | None, Field(alias="bool", strict=True)] = None
    limits: _Limits | None = None

    @model_validator(mode="after")
    def _one(self) -> _ScalarValue:
        if sum(item is not None for item in (self.number, self.text, self.truth)) != 1:
            raise ValueError("a value is one of num, str and bool")
        return self


class _Scalar(_Part):
    metadata: _Metadata = _Metadata()
    value: _ScalarValue


class _ParameterItem(_Part):
    sampler_options: _SamplerOptions | None = None
    scalar: _Scalar | None = None

    @model_validator(mode="after")
    def _one(self) -> _ParameterItem:
        if (self.sampler_options is None) == (self.scalar is None):
            raise ValueError("an item of a parameter is one of samplerOptions and scalar")
        return self


class _Parameter(_Part):
    metadata: _Metadata = _Metadata()
    items: dict[str, _ParameterItem] = {}


class _GroupItem(_Part):
    param: _Parameter | None = None
    scalar: _Scalar | None = None

    @model_validator(mode="after")
    def _one(self) -> _GroupItem:
        if (self.param is None) == (self.scalar is None):
            raise ValueError("an item of a randomizer is one of param and scalar")
        return self


class _State(_Part):
    enabled: bool = True
    can_be_switched_by_user: bool = True


class _Group(_Part):
    randomizer_id: Annotated[str, Field(min_length=1)] | None = None
    metadata: _Metadata = _Metadata()
    state: _State = _State()
    items: dict[str, _GroupItem] = {}


class _Randomizers(_Part):
    groups: dict[str, _Group] | None = None
    randomizer_groups: list[_Group] | None = None

    @model_validator(mode="after")
    def _one(self) -> _Randomizers:
        if (self.groups is None) == (self.randomizer_groups is None):
            raise ValueError("randomizers hold one of randomizerGroups and groups")
        if any(group.randomizer_id is None for group in self.randomizer_groups or ()):
            raise ValueError("every group of randomizerGroups has a randomizerId")
        return self


class _Constants(_Part):
    random_seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    total_iterations: Annotated[int, Field(ge=0)] | None = None
    iteration_count: Annotated[int, Field(ge=0)] | None = None
    """What later versions call it."""
    frames_per_iteration: Annotated[int, Field(ge=1)] = 1
    start_iteration: Annotated[int, Field(ge=0)] = 0
    starting_iteration: Annotated[int, Field(ge=0)] = 0
    start_frame: Annotated[int, Field(ge=0)] = 0
    instance_count: Annotated[int, Field(ge=1)] = 1
    instance_index: Annotated[int, Field(ge=0)] = 0


class _Scenario(_Part):
    constants: _Constants = _Constants()
    randomizers: _Randomizers


@dataclass(frozen=True)
class Item:
    """One value that the file gives a randomizer."""

    path: str
    """`Randomizer.parameter`, or `Randomizer.parameter.component` of a parameter with several."""
    value: Sampler | str | bool
    """A distribution, or a plain value."""
    kind: Literal["sampler", "scalar"]


@dataclass(frozen=True)
class PerceptionRandomizer:
    """A randomizer of the scenario."""

    name: str
    """Its class."""
    enabled: bool
    items: tuple[Item, ...]

    def sampler(self, path: str) -> Sampler | None:
        """The distribution of `parameter.component`, where there is one."""
        found = next((item for item in self.items if item.path == f"{self.name}.{path}"), None)
        return None if found is None or isinstance(found.value, str | bool) else found.value


@dataclass(frozen=True)
class Scenario:
    """A scenario's randomizers in their order, and how long it runs."""

    randomizers: tuple[PerceptionRandomizer, ...]
    seed: int | None
    iterations: int | None
    frames_per_iteration: int
    unknown: tuple[str, ...]
    """Paths of fields that are none of Perception's."""


def read_scenario(path: Path) -> Scenario:
    """Read a scenario configuration.

    Raises:
        NotFoundError: There is no such file.
        ConfigurationError: It is none; `context["errors"]` lists every error with its place.
    """
    text = read_file(path)
    if len(text) > MAXIMUM_SCENARIO_BYTES:
        raise _refusal(f"{path}: larger than 4 MiB", [])
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates)
        document = _Scenario.model_validate(value)
    except ValidationError as error:
        problems = [
            {"location": f"{path}: {'.'.join(map(str, item['loc'])) or 'document'}", "message": _plain(item["msg"])}
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise _refusal(f"{problems[0]['location']}: {problems[0]['message']}", problems) from None
    except (ValueError, RecursionError) as error:
        raise _refusal(f"{path}: not valid JSON: {error}", []) from None
    groups = document.randomizers
    named = list((groups.groups or {}).items()) or [
        (str(group.randomizer_id), group) for group in groups.randomizer_groups or ()
    ]
    constants = document.constants
    return Scenario(
        randomizers=tuple(_randomizer(name, group) for name, group in named),
        seed=constants.random_seed,
        iterations=constants.iteration_count if constants.total_iterations is None else constants.total_iterations,
        frames_per_iteration=constants.frames_per_iteration,
        unknown=tuple(_unknown(document, "")),
    )


def _randomizer(name: str, group: _Group) -> PerceptionRandomizer:
    items = []
    for field, item in group.items.items():
        if item.scalar is not None:
            items.append(Item(f"{name}.{field}", _scalar(item.scalar), "scalar"))
            continue
        inner = item.param.items if item.param is not None else {}
        for component, part in inner.items():
            # A parameter of one number calls it `value`; the parameter's own name says as much.
            path = f"{name}.{field}" if component == "value" else f"{name}.{field}.{component}"
            if part.scalar is not None:
                items.append(Item(path, _scalar(part.scalar), "scalar"))
            elif part.sampler_options is not None:
                items.append(Item(path, _distribution(part.sampler_options), "sampler"))
    return PerceptionRandomizer(name, group.state.enabled, tuple(items))


def _scalar(scalar: _Scalar) -> float | str | bool:
    value = scalar.value
    return next(item for item in (value.truth, value.text, value.number) if item is not None)


def _distribution(options: _SamplerOptions) -> Sampler:
    if options.constant is not None:
        return options.constant.value
    if options.uniform is not None:
        low, high = options.uniform.min, options.uniform.max
        return low if low == high else {"uniform": [low, high]}
    normal = options.normal
    assert normal is not None
    if normal.deviation == 0 or normal.min == normal.max:
        return min(max(normal.mean, normal.min), normal.max)
    return {
        "normal": {
            "mean": normal.mean,
            "standard_deviation": normal.deviation,
            "range": [normal.min, normal.max],
        }
    }


def _unknown(part: object, path: str) -> Iterator[str]:
    if isinstance(part, _Part):
        yield from (f"{path}{name}" for name in part.model_extra or {})
        for name, field in type(part).model_fields.items():
            yield from _unknown(getattr(part, name), f"{path}{field.alias}.")
    elif isinstance(part, dict):
        for name, item in part.items():
            yield from _unknown(item, f"{path}{name}.")
    elif isinstance(part, list):
        for index, item in enumerate(part):
            yield from _unknown(item, f"{path}{index}.")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(name for name in names if names.count(name) > 1)}' stands twice in one object")
    return value


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def _refusal(message: str, problems: list[dict[str, str]]) -> ConfigurationError:
    return ConfigurationError(message, code="invalid_scenario", hint=_FORM, context={"errors": problems})
