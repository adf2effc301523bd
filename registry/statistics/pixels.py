"""Two frames of one specification, pixel by pixel: what another player, platform or release made of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contracts.frame import FrameRecord
from contracts.frame_spec import IGNORE_ID, Label
from contracts.statistics import PixelDifference
from registry.reader import Version

_ELSEWHERE = 256
"""Added to ids of labels that the other version has not."""


def compare_pixels(
    version: Version, record: FrameRecord, against: Version, other: FrameRecord
) -> PixelDifference | None:
    """How far two frames lie apart; none where they are not of one specification and size, or one was erased.

    Args:
        version: The version.
        record: Its frame.
        against: The version it is compared with.
        other: The frame of that one.

    Raises:
        IntegrityError: Stored bytes are damaged.
    """
    if record.spec_digest is None or record.spec_digest != other.spec_digest or record.size != other.size:
        return None
    if record.index in version.erased or other.index in against.erased:
        return None
    apart = np.abs(version.read_image(record).astype(np.int16) - against.read_image(other))
    masks = None
    if "mask" in record.files and "mask" in other.files:
        alike = _ids_by_name(against.labels, version.labels)[against.read_mask(other)]
        masks = float((version.read_mask(record) != alike).mean())
    return PixelDifference(
        image=float(apart.any(axis=2).mean()),
        image_mean=float(apart.mean()),
        image_most=int(apart.max()),
        mask=masks,
    )


def _ids_by_name(labels: tuple[Label, ...], wanted: tuple[Label, ...]) -> npt.NDArray[np.int16]:
    """(256,): the id that a label has in another table, by its own; ids without a label are nobody's."""
    ids = {label.name: label.id for label in wanted}
    table = np.arange(256, dtype=np.int16) + _ELSEWHERE
    table[IGNORE_ID] = IGNORE_ID
    for label in labels:
        table[label.id] = ids.get(label.name, label.id + _ELSEWHERE)
    return table
