"""From a generator to the parameters of one frame: pure, and independent of every other frame.

Every field of every randomizer draws from a stream of its own, seeded by (seed, frame index, attempt, randomizer name,
field name) through numpy's SeedSequence into a Philox counter. So frame 48 213 can be sampled alone, sharding changes
nothing, and adding, removing or reordering randomizers changes no other draw.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from contracts.distributions import Integers, LogUniform, Normal, NumberChoice, Uniform, WordChoice, weights_of
from contracts.generator import Generator
from contracts.own_assets import OwnAssets, OwnEnvironment, OwnVehicle
from contracts.randomizers.common import Choice, Randomizer

Value = float | int | str | bool
DETAIL_SEED = "detail_seed"
OWN_ASSETS = "assets"
"""Name under which values say which own files a frame draws."""


@dataclass(frozen=True)
class FrameParameters:
    """All sampled values of one frame."""

    generator: Generator
    seed: int
    index: int
    attempt: int
    horizontal_fov_deg: float
    values: dict[str, dict[str, Value]]
    """By randomizer name, then field name; every randomizer has a `detail_seed`. Own files by `assets`."""

    def of_kind(self, kind: str) -> dict[str, Value]:
        """Values of the one randomizer of a kind; empty where the generator has none."""
        for name, randomizer in self.generator.randomizers.items():
            if getattr(randomizer, "kind", None) == kind:
                return self.values[name]
        return {}

    def own_environment(self) -> OwnEnvironment | None:
        """The own panorama that lights this frame, if one does."""
        assets = self.generator.assets
        return assets.environments.get(str(self.values[OWN_ASSETS].get("environment"))) if assets else None

    def own_vehicle(self) -> OwnVehicle | None:
        """The own vehicle that this frame shows, if it shows one."""
        assets = self.generator.assets
        return assets.vehicles.get(str(self.values[OWN_ASSETS].get("vehicle"))) if assets else None

    def choice(self, name: str) -> str | None:
        """Variant drawn by the `Choice` randomizer of this name, if there is one."""
        value = self.values.get(name, {}).get("of")
        return value if isinstance(value, str) else None

    def variants(self) -> set[str]:
        """Variants drawn by all `Choice` randomizers."""
        return {
            str(self.values[name]["of"])
            for name, randomizer in self.generator.randomizers.items()
            if isinstance(randomizer, Choice)
        }

    def must_appear(self) -> tuple[str, ...]:
        """Labels that this frame must show."""
        present = self.variants() | {"always"}
        return tuple(name for name, label in self.generator.labels.items() if label.must_appear_in in present)

    def flat(self) -> dict[str, Value]:
        """Values as `randomizer.field`, for records and statistics."""
        flat: dict[str, Value] = {"camera.horizontal_fov_deg": self.horizontal_fov_deg}
        for name, fields in self.values.items():
            flat |= {f"{name}.{field}": value for field, value in fields.items()}
        return flat


def stream(seed: int, index: int, attempt: int, *names: str) -> np.random.Generator:
    """The random stream of one name in one frame.

    Args:
        seed: Of the request, from 0.
        index: Of the frame, from 0.
        attempt: Redraws after rejected content, from 0.
        names: Path of the stream, such as randomizer and field.
    """
    key = hashlib.sha256("\x1f".join(names).encode()).digest()
    words = [int.from_bytes(key[place : place + 4], "little") for place in range(0, 16, 4)]
    entropy = [seed & 0xFFFFFFFF, seed >> 32, index, attempt, *words]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))


def sample_frame(generator: Generator, seed: int, index: int, attempt: int = 0) -> FrameParameters:
    """Draw every parameter of one frame. Pure: the same arguments give the same values on every machine.

    Args:
        generator: Resolved generator.
        seed: Of the request, from 0.
        index: Of the frame, from 0.
        attempt: Redraws after rejected content, from 0.
    """
    values: dict[str, dict[str, Value]] = {}
    for name, randomizer in generator.randomizers.items():
        values[name] = _sample_randomizer(randomizer, name, seed, index, attempt)
    if generator.assets is not None:
        values[OWN_ASSETS] = _sample_own_assets(generator.assets, seed, index)
    calibration = generator.camera.calibration
    fov = (
        calibration.horizontal_fov_deg
        if calibration is not None
        else draw(generator.camera.horizontal_fov_deg, stream(seed, index, attempt, "camera", "horizontal_fov_deg"))
    )
    return FrameParameters(generator, seed, index, attempt, float(fov), values)


def _sample_randomizer(randomizer: Randomizer, name: str, seed: int, index: int, attempt: int) -> dict[str, Value]:
    drawn: dict[str, Value] = {
        DETAIL_SEED: int(stream(seed, index, attempt, "randomizer", name, DETAIL_SEED).integers(2**32))
    }
    for field in type(randomizer).model_fields:
        if field == "kind":
            continue
        value = getattr(randomizer, field)
        if isinstance(randomizer, Choice) and field == "of":
            # A redraw keeps the variant: one whose frames are often rejected must not become rarer than it was asked.
            drawn[field] = _draw_word(weights_of(value), stream(seed, index, 0, "randomizer", name, field))
        else:
            drawn[field] = draw(value, stream(seed, index, attempt, "randomizer", name, field))
    return drawn


def _sample_own_assets(assets: OwnAssets, seed: int, index: int) -> dict[str, Value]:
    """Names of the own files of a frame. A redraw keeps them, so that none becomes rarer than it was asked."""
    weights = {"environment": assets.environment_weights(), "vehicle": assets.vehicle_weights()}
    return {
        field: _draw_word(words, stream(seed, index, 0, OWN_ASSETS, field)) for field, words in weights.items() if words
    }


def draw(distribution: Any, rng: np.random.Generator) -> Value:
    """One value of a distribution document, or the constant itself."""
    match distribution:
        case bool() | int() | float() | str():
            return distribution
        case Uniform(uniform=(low, high)):
            return low + (high - low) * float(rng.random())
        case LogUniform(log_uniform=(low, high)):
            return min(max(low * math.exp(math.log(high / low) * float(rng.random())), low), high)
        case Normal(normal=parameters):
            return _draw_normal(parameters.mean, parameters.standard_deviation, parameters.bounds(), rng)
        case Integers(integers=(first, last)):
            return int(rng.integers(first, last, endpoint=True))
        case NumberChoice(choice=numbers):
            return numbers[int(rng.integers(len(numbers)))]
        case WordChoice():
            return _draw_word(distribution.weights(), rng)
    raise TypeError(f"{type(distribution).__name__} is not a distribution")


def _draw_word(weights: dict[str, float], rng: np.random.Generator) -> str:
    """A word by weight. The words are laid out by name, so that their order in the document does not matter."""
    words = sorted(weights)
    edges = np.cumsum([weights[word] for word in words])
    place = int(np.searchsorted(edges, float(rng.random()) * edges[-1], side="right"))
    return words[min(place, len(words) - 1)]


def _draw_normal(mean: float, deviation: float, bounds: tuple[float, float], rng: np.random.Generator) -> float:
    """Truncated normal by inversion: one uniform draw, whatever the truncation."""
    low, high = ((bound - mean) / deviation for bound in bounds)
    if low > 0:  # the upper tail is mirrored, where the normal CDF keeps its precision
        return float(2 * mean - _draw_normal(mean, deviation, (2 * mean - bounds[1], 2 * mean - bounds[0]), rng))
    share = float(ndtr(low)) + (float(ndtr(high)) - float(ndtr(low))) * float(rng.random())
    return float(min(max(mean + deviation * float(ndtri(share)), bounds[0]), bounds[1]))
