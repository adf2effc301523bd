"""The embedded player's renderer inside the test process: one a process, since the variant is the process's."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tests.player_frames import Frame
from unity_bridge.embedded.exposure import exposure_scale
from unity_bridge.embedded.variant import LIBRARY_VARIABLE, choose_variant

if TYPE_CHECKING:
    from unity_bridge.embedded.masks import FrameMasks
    from unity_bridge.embedded.renderer import MitsubaRenderer


@cache
def renderer() -> MitsubaRenderer:
    """The best renderer of this machine."""
    report = choose_variant()
    if report.library is not None:
        os.environ[LIBRARY_VARIABLE] = report.library
    from unity_bridge.embedded.renderer import MitsubaRenderer

    return MitsubaRenderer(report)


def luminance_image(frame: Frame, assets: Path) -> tuple[NDArray[np.float32], FrameMasks]:
    """(H, W, 3) float32 linear RGB in cd/m2, and the masks."""
    linear, masks = renderer().linear_images(frame.spec, frame.write_assets(assets))
    return linear / np.float32(exposure_scale(frame.spec.exposure)), masks


def picture(frame: Frame, assets: Path) -> tuple[NDArray[np.uint8], FrameMasks]:
    """(H, W, 3) uint8 sRGB, and the masks."""
    return renderer().images(frame.spec, frame.write_assets(assets))
