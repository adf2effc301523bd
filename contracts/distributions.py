"""Typed distributions, as a user writes them: a constant, or one key that names the distribution.

`3.5` · `{uniform: [2, 5]}` · `{log_uniform: [0.1, 10]}` · `{integers: [1, 6]}` · `{choice: [a, b]}` ·
`{choice: {a: 0.7, b: 0.3}}` · `{normal: {mean: 0, standard_deviation: 1, range: [-2, 2]}}`
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    PositiveFloat,
    Tag,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from contracts.document import Document
from contracts.errors import nearest


def _as_tuple(value: Any) -> Any:
    """A list as a tuple: past a discriminating function a value is Python's, where strictness tells the two apart."""
    return tuple(value) if isinstance(value, list) else value


Bounds = Annotated[tuple[float, float], BeforeValidator(_as_tuple)]
"""Lower and upper bound."""


class Uniform(Document):
    """Every number of a closed interval alike."""

    uniform: Bounds
    """Lower and upper bound."""

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        _check_ordered(self.uniform)
        return self

    def support(self) -> tuple[float, float]:
        return self.uniform


class LogUniform(Document):
    """Uniform in the logarithm: for scales and intensities that span decades."""

    log_uniform: Annotated[tuple[PositiveFloat, PositiveFloat], BeforeValidator(_as_tuple)]
    """Lower and upper bound, both positive."""

    @model_validator(mode="after")
    def _ordered(self) -> LogUniform:
        _check_ordered(self.log_uniform)
        return self

    def support(self) -> tuple[float, float]:
        return self.log_uniform


class NormalParameters(Document):
    """Parameters of a normal distribution, in the unit of the field they belong to."""

    mean: float
    """Mean of the untruncated distribution."""
    standard_deviation: PositiveFloat
    """Standard deviation of the untruncated distribution."""
    range: Bounds | None = None
    """Truncation: nothing outside is drawn. Without it, three standard deviations either side."""

    @model_validator(mode="after")
    def _ordered(self) -> NormalParameters:
        low, high = self.bounds()
        _check_ordered((low, high))
        if not (low - 6 * self.standard_deviation < self.mean < high + 6 * self.standard_deviation):
            raise ValueError("range lies over six standard deviations from the mean, where nothing is drawn")
        return self

    def bounds(self) -> tuple[float, float]:
        """The closed interval that draws lie in."""
        if self.range is not None:
            return self.range
        return self.mean - 3 * self.standard_deviation, self.mean + 3 * self.standard_deviation


class Normal(Document):
    """Normal, truncated to a range."""

    normal: NormalParameters
    """Mean, standard deviation and range."""

    def support(self) -> tuple[float, float]:
        return self.normal.bounds()


class Integers(Document):
    """Every whole number from the first to the last, both included, alike."""

    integers: Annotated[tuple[int, int], BeforeValidator(_as_tuple)]
    """First and last."""

    @model_validator(mode="after")
    def _ordered(self) -> Integers:
        _check_ordered(self.integers)
        return self

    def support(self) -> tuple[float, float]:
        return float(self.integers[0]), float(self.integers[1])


class NumberChoice(Document):
    """One of several numbers, all alike likely."""

    choice: Annotated[list[float], Field(min_length=1, max_length=1000)]
    """The numbers."""

    def support(self) -> tuple[float, float]:
        return min(self.choice), max(self.choice)


Word = Annotated[str, Field(min_length=1, max_length=64)]

Weights = Annotated[dict[Word, Annotated[float, Field(ge=0)]], Field(min_length=1, max_length=1000)]
"""Words with their relative weights; at least one is positive."""


class WordChoice(Document):
    """One of several words, all alike likely, or by weight."""

    choice: Annotated[list[Word], Field(min_length=1, max_length=1000)] | Weights
    """A list of words, or words with weights."""

    @model_validator(mode="after")
    def _weighed(self) -> WordChoice:
        check_weights(self.weights())
        return self

    def weights(self) -> dict[str, float]:
        """Words with relative weights, in the order written."""
        return weights_of(self.choice)


def _kind_of(value: Any) -> str:
    """Which distribution a value is written as: the key that names it, or a constant."""
    if isinstance(value, Document):
        return next(iter(type(value).model_fields))
    if isinstance(value, dict) and value:
        return str(next(iter(value)))
    return "constant"


def _known(*kinds: str) -> BeforeValidator:
    """A check, ahead of the union, that names the nearest distribution."""

    def check(value: Any) -> Any:
        if isinstance(value, dict):
            if len(value) != 1:
                raise ValueError(f"a distribution has one key that names it ({', '.join(kinds)})")
            word = str(next(iter(value)))
            if word not in kinds:
                raise ValueError(f"unknown distribution '{word}', {nearest(word, kinds)}")
        return value

    return BeforeValidator(check)


NumberDistribution = Annotated[
    Annotated[float, Tag("constant")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[LogUniform, Tag("log_uniform")]
    | Annotated[Normal, Tag("normal")]
    | Annotated[Integers, Tag("integers")]
    | Annotated[NumberChoice, Tag("choice")],
    Discriminator(_kind_of),
    _known("uniform", "log_uniform", "normal", "integers", "choice"),
]
"""A number, or a distribution of numbers."""

WordDistribution = Annotated[
    Annotated[str, Field(min_length=1, max_length=64), Tag("constant")] | Annotated[WordChoice, Tag("choice")],
    Discriminator(_kind_of),
    _known("choice"),
]
"""A word, or a distribution of words."""


class Within:
    """Bounds on a distribution's support, held on validation and written into the JSON Schema.

    Use as `Annotated[NumberDistribution, Within(0, 90)]`; the bounds are closed.
    """

    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.high = high

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        result = handler(schema)
        result["description"] = f"Every value lies in [{self.low:g}, {self.high:g}]."
        for branch in result.get("oneOf", []):
            if branch.get("type") == "number":
                branch["minimum"], branch["maximum"] = self.low, self.high
        return result

    def _check(self, value: Any) -> Any:
        low, high = (value, value) if isinstance(value, int | float) else value.support()
        if low < self.low or high > self.high:
            raise ValueError(f"values reach from {low:g} to {high:g}, allowed are {self.low:g} to {self.high:g}")
        return value


class OneOf:
    """Words that a word distribution may draw; use as `Annotated[WordDistribution, OneOf("cloth", "leather")]`."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        result = handler(schema)
        result["description"] = f"One of: {', '.join(self.words)}."
        for branch in result.get("oneOf", []):
            if branch.get("type") == "string":
                branch["enum"] = list(self.words)
        return result

    def _check(self, value: Any) -> Any:
        for word in [value] if isinstance(value, str) else list(value.weights()):
            if word not in self.words:
                raise ValueError(f"unknown word '{word}', {nearest(word, self.words)}")
        return value


def weights_of(choice: list[str] | Mapping[str, float]) -> dict[str, float]:
    """Words with relative weights; a list means equal weights."""
    if isinstance(choice, Mapping):
        return dict(choice)
    return dict.fromkeys(choice, 1.0)


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise ValueError unless a positive, finite weight is among them."""
    total = sum(weights.values())
    if not (math.isfinite(total) and total > 0):
        raise ValueError("weights must add up to more than 0")


def _check_ordered(bounds: tuple[float, float]) -> None:
    if bounds[0] > bounds[1]:
        raise ValueError(f"lower bound {bounds[0]:g} lies above upper bound {bounds[1]:g}")
