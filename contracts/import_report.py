"""What an import took, and everything that it did not take or took otherwise than it was written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.document import Document

Reason = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
MetadataKind = Literal["camera", "exposure", "time", "place"]
"""What an import may keep of a photograph's EXIF: make, model and lens; exposure, aperture, ISO and focal length; when,
and where it was taken."""


class NotTaken(Document):
    """Something of the source that is not in the version as the source has it."""

    location: str
    """File, and where in it."""
    reason: Reason
    """Stable, in lower snake case: `clipped`, `no_segmentation`, `keypoints`, …"""
    message: str
    """For people."""


class NearDuplicate(Document):
    """Two images in different splits that look the same."""

    first: str
    """Source file, relative to the imported folder."""
    second: str
    first_split: str
    second_split: str
    distance_bits: Annotated[int, Field(ge=0, le=64)]
    """Bits in which their perceptual hashes differ."""


class ImportReport(Document):
    """Of one import that succeeded; `result.report` of its job."""

    images: Annotated[int, Field(ge=0)]
    """Images taken."""
    instances: Annotated[int, Field(ge=0)]
    """Instances taken."""
    not_taken: tuple[NotTaken, ...] = ()
    """In the order of the source; `LISTED_MAX` at most, while `not_taken_count` counts all."""
    not_taken_count: dict[Reason, Annotated[int, Field(ge=1)]] = {}
    """How often each reason occurred."""
    near_duplicates: tuple[NearDuplicate, ...] = ()
    """Pairs across splits, nearest first; `LISTED_MAX` at most."""
    near_duplicate_count: Annotated[int, Field(ge=0)] = 0
    """How many pairs there are."""


LISTED_MAX = 10_000
"""Most entries of a list in a report."""
