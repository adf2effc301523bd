"""How a synthetic version differs from the photographs that are learned from, in figures and as one picture.

    python -m tests.benchmarks.transfer.gaps --synthetic exterior@1 --out gaps/

Measures the version of photographs that screening learns from and scores, never `test_public`. Views of photographs
follow from the parts that they came with, in the folder that `BELTLINE_REAL_DATA` names. Writes `gaps.md` and
`gaps.png`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from contracts.errors import BeltlineError, ConfigurationError
from contracts.frame import FrameRecord
from contracts.process import write_atomically
from registry.label_maps.shipped import load_label_map
from registry.reader import Version
from tests.benchmarks.transfer.distribution import VIEWS, Gap, SetMeasures, gaps, gather, measure_image, side_of, view
from tests.benchmarks.transfer.gaps_picture import draw
from tests.benchmarks.transfer.photographs import LABEL_MAP, LEARN, TEST, open_home, photographs_folder
from training.data import scale_image, scale_mask

SIZE_PX = (128, 128)
"""What the study's networks see."""
SOURCE_PARTS = (
    "background",
    "back_bumper",
    "back_glass",
    "back_left_door",
    "back_left_light",
    "back_right_door",
    "back_right_light",
    "front_bumper",
    "front_glass",
    "front_left_door",
    "front_left_light",
    "front_right_door",
    "front_right_light",
    "hood",
    "left_mirror",
    "right_mirror",
    "tailgate",
    "trunk",
    "wheel",
)
"""By id in `masks_source18/` of the photographs: its parts say which side of a car is seen."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report; exit code 0 when it is written."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.transfer.gaps", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--synthetic", required=True, metavar="NAME@V", help="a synthetic version in the home")
    parser.add_argument("--photographs", default="carparts-screening", metavar="NAME[@V]", help="(%(default)s)")
    parser.add_argument("--home", type=Path, help="folder of all state, as for beltline (BELTLINE_HOME, ./.beltline)")
    parser.add_argument("--out", type=Path, help="folder of the report (transfer/gaps-VERSION in the home)")
    options = parser.parse_args(arguments)
    try:
        photographs_folder()  # before anything is made
        home = open_home(options.home)
        name, version = home.version(options.synthetic)
        real = measure_version(home.version(options.photographs)[1])
        synthetic = measure_version(version)
    except BeltlineError as error:
        print(f"gaps: error: {error}", file=sys.stderr)
        return error.exit_code
    classes = list(load_label_map(LABEL_MAP).classes)
    found = gaps(real, synthetic, classes)
    out = options.out or home.path / "transfer" / f"gaps-{name.replace('@', '-')}"
    out.mkdir(parents=True, exist_ok=True)
    text = markdown(found, real, synthetic, name)
    write_atomically(out / "gaps.md", text.encode())
    draw(real, synthetic, classes, name, out / "gaps.png")
    print(text)
    print(f"written to {out}", file=sys.stderr)
    return 0


def measure_version(version: Version) -> SetMeasures:
    """Measure every image of a version at the size that networks see.

    Raises:
        ConfigurationError: It holds test photographs, which nobody chooses by.
    """
    records = version.records()
    if any(record.split == TEST for record in records):
        raise ConfigurationError(f"{version.name} holds {TEST}", hint="measure a version without it")
    label_map = load_label_map(LABEL_MAP)
    lookup = np.array(label_map.lookup(version.labels), dtype=np.uint8)
    measures, views = [], []
    for record in records:
        mask = version.read_mask(record)
        target = lookup[scale_mask(mask, SIZE_PX)]
        image = scale_image(version.read_image(record), SIZE_PX)
        measures.append(measure_image(image, target, len(label_map.classes)))
        views.append(_view(version, record, mask))
    return gather(measures, views)


def markdown(found: Sequence[Gap], real: SetMeasures, synthetic: SetMeasures, name: str) -> str:
    """The report's text: the widest gaps first, then all figures, then the views."""
    wide = sorted((gap for gap in found if gap.beyond_chance > 1), key=lambda gap: -gap.beyond_chance)
    about = (
        f"{len(synthetic)} synthetic images, {len(real)} photographs, at {SIZE_PX[0]}x{SIZE_PX[1]}, label map"
        f" {LABEL_MAP}. Areas are shares of the frame, appearance is on a scale of 0 to 1. Effect: Cohen's d of means,"
        " Cohen's h of shares, total variation distance (0 to 1) of distributions; positive is more in the synthetic"
        " images. By chance: what 95 % of random divisions of the same images stay under."
    )
    lines = [
        f"# {name} against the photographs to learn from",
        "",
        about,
        "",
        "## Beyond chance, widest first",
        "",
        _table(wide) if wide else "None.",
        "",
        "## All figures",
        "",
        _table(found),
        "",
        "## Viewpoints",
        "",
        "From the pixels of bumpers, lamps and doors; left and right are one.",
        "",
        "| view | photographs | synthetic |",
        "| --- | --- | --- |",
    ]
    for each in VIEWS:
        lines.append(f"| {each} | {_share(real, each)} | {_share(synthetic, each)} |")
    return "\n".join(lines) + "\n"


def _view(version: Version, record: FrameRecord, mask: np.ndarray) -> str | None:
    """The view of a frame, where its labels, or those that its photograph came with, tell."""
    names: Mapping[int, str] = {label.id: label.name for label in version.labels}
    if record.source is not None:
        path = photographs_folder() / LEARN / "masks_source18" / f"{Path(record.source).stem}.png"
        if not path.is_file():
            return None
        with Image.open(path) as picture:
            mask = np.asarray(picture)
        names = dict(enumerate(SOURCE_PARTS))
    elif not {"front", "back", "doors"} <= {side_of(name) for name in names.values()}:
        return None
    counts = np.bincount(mask.ravel(), minlength=256)
    return view({part: int(counts[number]) for number, part in names.items()})


def _share(measures: SetMeasures, view: str) -> str:
    known = [each for each in measures.views if each is not None]
    return f"{known.count(view) / len(known):.3f}" if known else "–"


def _table(found: Sequence[Gap]) -> str:
    lines = ["| figure | photographs | synthetic | effect | measure | by chance |", "|" + " --- |" * 6]
    for gap in found:
        means = ["–" if value is None else f"{value:.4f}" for value in (gap.photographs, gap.synthetic)]
        effect = f"{gap.effect:.2f}" if gap.measure == "distance" else f"{gap.effect:+.2f}"
        lines.append("| " + " | ".join([gap.what, *means, effect, gap.measure, f"{gap.by_chance:.2f}"]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
