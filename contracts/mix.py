"""Mixes: which versions a training run learns from, how much of each, and their share of every batch.

A mix is also a document of its own, kept in the registry: `0.7 of carparts@3 train + 512 of belt-g6@2, nested, seed 4`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.dataset import SourceTerms
from contracts.document import Document, SchemaVersion
from contracts.errors import ConfigurationError
from contracts.ids import DIGEST_PATTERN, NAME_PATTERN, VERSION_PATTERN, Digest, Name, Seed, VersionText

Images = Annotated[int, Field(ge=1)]
"""Images taken at random, without repetition."""
Share = Annotated[float, Field(gt=0, le=1)]
"""Share of the images that there are, rounded down, taken at random."""
Subsets = Literal["nested", "independent"]
"""How what is taken of one source with one seed relates to another amount of it: `nested`, every larger subset contains
each smaller one ([BMW] figure 5); `independent`, each amount is drawn by itself."""

_SEPARATOR = re.compile(r"\s*,\s*")
_TERM = re.compile(r"(?P<amount>\S+)\s+of\s+(?P<dataset>\S+)(?:\s+(?P<split>\S+))?")


def _unless_said(default: object) -> Callable[[object], bool]:
    """Whether a field stays out of the bytes: so fields of later releases change no digest of earlier documents."""
    return lambda value: value == default


class DataSource(Document):
    """A dataset version, or one split of it."""

    dataset: VersionText
    """`name@version`."""
    split: Name | None = None
    """One split; none is the whole version."""


class MixSource(DataSource):
    """A source of a mix that is kept in the registry: of which version, how much."""

    digest: Digest
    """The version's manifest, which never changes whatever becomes of its name."""
    images: Images | None = None
    """Either a number of images,"""
    share: Share | None = None
    """or a share of them; 1 is all."""

    @model_validator(mode="after")
    def _one_amount(self) -> MixSource:
        if (self.images is None) == (self.share is None):
            raise ValueError("images, share: give one of them")
        return self

    def count(self, available: int) -> int:
        """Images that are taken where there are so many."""
        return self.images if self.images is not None else share_of(self.share or 0.0, available)

    def __str__(self) -> str:
        amount = str(self.images) if self.images is not None else "all" if self.share == 1 else f"{self.share!r}"
        return f"{amount} of {self.dataset}" + (f" {self.split}" if self.split is not None else "")


class Mix(Document):
    """Images of some versions, chosen once and for all; its digest is that of this document's canonical JSON."""

    schema_version: SchemaVersion = 1
    sources: Annotated[tuple[MixSource, ...], Field(min_length=1, max_length=64)]
    subsets: Subsets = "nested"
    seed: Seed = 0
    """Of the random choice of images."""

    @model_validator(mode="after")
    def _different_sources(self) -> Mix:
        seen: dict[str, set[str | None]] = {}
        for number, source in enumerate(self.sources):
            splits = seen.setdefault(source.digest, set())
            if source.split in splits or (splits and (source.split is None or None in splits)):
                raise ValueError(f"sources.{number}: {source.dataset} comes twice with the same images")
            splits.add(source.split)
        return self

    def __str__(self) -> str:
        return " + ".join(map(str, self.sources)) + f", {self.subsets}, seed {self.seed}"


class MixDescription(Document):
    """A mix as shown to people."""

    name: Name
    digest: Digest
    text: str
    """Such as `0.7 of carparts@3 train + 512 of belt-g6@2, nested, seed 4`."""
    mix: Mix
    images: tuple[int, ...]
    """Of each source, in their order, with nothing set apart."""
    terms: tuple[SourceTerms, ...] = ()
    """License and consent of the sources, which hold for the mix too."""
    created_at: str
    """ISO 8601, UTC."""
    created_by: str = ""


class MixRequest(Document):
    """Body of `POST /v1/mixes`."""

    name: Name
    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    """Such as `0.7 of carparts@3 train + 512 of belt-g6@2, nested, seed 4`."""


def parse_mix(text: str, digest_of: Callable[[str], Digest]) -> Mix:
    """Read a mix as people write it: terms `AMOUNT of NAME@V [SPLIT]` joined by `+`, then `nested` or `independent`,
    and `seed N`; an amount is a number of images, a share such as `0.7` or `70%`, or `all`.

    Args:
        text: The mix.
        digest_of: Gives the digest of a version by `name@number`.

    Raises:
        ConfigurationError: The text is no mix; the message says where.
    """
    terms, *options = _SEPARATOR.split(text.strip())
    values: dict[str, object] = {}
    for option in options:
        word = re.fullmatch(r"(nested|independent)|seed\s+([0-9]{1,16})", option)
        key = "subsets" if word and word[1] else "seed"
        if word is None or key in values:
            raise _no_mix(text, f"'{option}'", "after the sources come `nested` or `independent`, and `seed N`")
        values[key] = word[1] or int(word[2])
    sources = []
    for number, term in enumerate(terms.split("+")):
        found = _TERM.fullmatch(term.strip())
        if found is None:
            raise _no_mix(text, f"'{term.strip()}'", "write AMOUNT of NAME@V SPLIT, such as 512 of belt-g6@2 train")
        if not re.fullmatch(VERSION_PATTERN, found["dataset"]):
            raise _no_mix(text, f"'{found['dataset']}'", "write name@number: aliases move, and a mix never changes")
        if found["split"] is not None and not re.fullmatch(NAME_PATTERN, found["split"]):
            raise _no_mix(text, f"'{found['split']}'", "a split is a safe name, such as train")
        amount = _amount(found["amount"])
        if amount is None:
            hint = "an amount is a number of images from 1, a share over 0 and up to 1.0, such as 0.7 or 70%, or all"
            raise _no_mix(text, f"source {number + 1}: '{found['amount']}'", hint)
        sources.append(
            {"dataset": found["dataset"], "split": found["split"], "digest": digest_of(found["dataset"]), **amount}
        )
    try:
        return Mix.model_validate({"sources": sources, **values})
    except ValueError as error:
        raise _no_mix(text, str(error).split("Value error, ")[-1].split(" [type=")[0], "see `beltline mix`") from None


def _amount(text: str) -> Mapping[str, int | float] | None:
    if text == "all":
        return {"share": 1.0}
    if re.fullmatch(r"[1-9][0-9]{0,8}", text):
        return {"images": int(text)}
    percent = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%", text)
    decimal = re.fullmatch(r"[01]?\.[0-9]{1,12}", text)
    share = float(Fraction(percent[1]) / 100) if percent else float(text) if decimal else 0.0
    return {"share": share} if 0 < share <= 1 else None


def _no_mix(text: str, what: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"mix '{text[:200]}': {what} is not understood", code="invalid_mix", hint=hint)


def share_of(share: float, available: int) -> int:
    """A share of some images, rounded down; exact in the decimal digits that were written."""
    return int(Fraction(repr(share)) * available)


class TrainingSource(DataSource):
    """A source of a run."""

    take: Annotated[int, Field(ge=0)] | Literal["all"] = "all"
    """Images taken at random, without repetition; `0` leaves the source out."""
    share: Annotated[Share | None, Field(exclude_if=_unless_said(None))] = None
    """Share of the images in place of `take`: of those that are left beside the validation images."""
    subsets: Annotated[Subsets, Field(exclude_if=_unless_said("nested"))] = "nested"
    """Whether more images of one seed contain those of fewer, or each number is drawn by itself."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Relative share of each batch."""
    seed: Seed = 0
    """Of the random choice of images."""

    @model_validator(mode="after")
    def _one_amount(self) -> TrainingSource:
        if self.share is not None and self.take != "all":
            raise ValueError("take, share: give one of them")
        return self


class ValidationSource(DataSource):
    """Images set apart before the mix is drawn, the same for every run of a study."""

    reserve: Annotated[int, Field(ge=1)] | Literal["all"] = "all"
    """Least number of images; whole groups are reserved until it is reached."""
    by: Literal["group"] = "group"
    """What is never cut apart."""
    seed: Seed = 0
    """Of the random choice of groups."""


MixName = Annotated[str, Field(pattern=f"{NAME_PATTERN}|{DIGEST_PATTERN}")]
"""A mix of the registry, by its name or digest."""


class DataPlan(Document):
    """All data of a run."""

    train: Annotated[tuple[TrainingSource, ...], Field(max_length=64)] = ()
    """Sources; those of the mix where one is named."""
    mix: Annotated[MixName | None, Field(exclude_if=_unless_said(None))] = None
    """A mix of the registry in place of `train`. Each of its images is as likely in a batch as any other."""
    validation: ValidationSource
    test: DataSource

    @model_validator(mode="after")
    def _something_left(self) -> DataPlan:
        if not self.train and self.mix is None:
            raise ValueError("train: name at least one source, or a mix")
        if self.train and all(source.take == 0 for source in self.train):
            raise ValueError("train: every source takes 0 images")
        return self
