"""The worst predictions of a run, class by class, as a sheet to look at: image, truth, prediction.

    python -m tests.benchmarks.transfer.worst .beltline/runs/RUN --out worst.png

Shows the validation photographs or, of a screening run, `development`; never `test_public`: nobody chooses by what is
wrong there. Prints which class is taken for which.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont

from contracts.document import parse_json
from contracts.errors import BeltlineError, ConfigurationError, NotFoundError
from contracts.frame_spec import IGNORE_ID
from contracts.run import TrainingOrder
from tests.benchmarks.transfer.photographs import DEVELOPMENT, VALIDATION
from training import checkpoint, environment
from training.batches import LabelledFrames, plain_batches
from training.mixing import reserved
from training.networks.segmentation import build
from training.process import Monitor
from training.report.results import ORDER_FILE
from training.run import read_data
from training.tasks.segmentation import Segmentation

ByteArray = npt.NDArray[np.uint8]
CountArray = npt.NDArray[np.int64]

SCALE = 2
"""Of the pictures on the sheet."""
GAP_PX = 6
CAPTION_PX = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the sheet; exit code 0 when it is written."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.transfer.worst", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run of the study")
    parser.add_argument("--part", choices=[DEVELOPMENT, VALIDATION], help="(development where the run has it)")
    parser.add_argument("--worst", type=int, default=3, metavar="K", help="images of each class (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("worst.png"), help="(%(default)s)")
    options = parser.parse_args(arguments)
    try:
        order = read_order(options.run)
        part = chosen_part(order, options.part)
        task, frames, places, predictions = predicted(order, options.run, part)
    except BeltlineError as error:
        print(f"worst: error: {error}", file=sys.stderr)
        return error.exit_code
    targets = np.stack([frames.target(place) for place in places])
    counts = task.count(predictions, targets)
    print(f"{options.run.name}, {len(places)} photographs of {part}\n")
    print(confusion_text(confusion(predictions, targets, len(task.classes)), task.classes))
    lines = []
    for number, name in enumerate(task.classes):
        line = []
        for place in worst_places(counts[:, number], options.worst):
            true, false, missed = (int(value) for value in counts[place, number])
            record = frames.records[places[place]]
            caption = f"{name}: {true} px right, {false} too many, {missed} missed; {Path(record.source or '').stem}"
            image, truth, prediction = frames.image(places[place]), targets[place], predictions[place]
            line.append((caption, [image, *(task.picture(image, ids, SCALE) for ids in (truth, prediction))]))
        lines.append(line)
    sheet(lines, task.legend()).save(options.out)
    print(f"\nwritten to {options.out}: image, truth, prediction", file=sys.stderr)
    return 0


def read_order(run: Path) -> TrainingOrder:
    """The order of a run, which may have been moved since.

    Raises:
        NotFoundError: The folder holds none.
    """
    path = run / ORDER_FILE
    if not path.is_file():
        raise NotFoundError(f"{run} is no folder of a run: it holds no {ORDER_FILE}", hint="give a folder in runs/")
    return parse_json(TrainingOrder, path.read_bytes(), source=str(path))


def chosen_part(order: TrainingOrder, asked: str | None) -> str:
    """The split to look at.

    Raises:
        ConfigurationError: The run has no development photographs.
    """
    has_development = order.spec.data.test.split == DEVELOPMENT
    if asked == DEVELOPMENT and not has_development:
        raise ConfigurationError(
            f"run {order.run} scores '{order.spec.data.test.split}', which is not looked at",
            hint=f"give --part {VALIDATION}, or a run of screening.yaml",
        )
    return asked or (DEVELOPMENT if has_development else VALIDATION)


def predicted(
    order: TrainingOrder, folder: Path, part: str
) -> tuple[Segmentation, LabelledFrames, list[int], ByteArray]:
    """What a run's kept network says of a part of the photographs.

    Returns:
        The task, the part's frames, the places looked at, and predictions (N, H, W) uint8 class ids.

    Raises:
        NotFoundError: The run has no kept network yet.
    """
    kept = checkpoint.load(folder / checkpoint.BEST)
    if kept is None:
        raise NotFoundError(f"{folder} holds no {checkpoint.BEST}", hint="finish the run first")
    looked_at = order.spec.data.test if part == DEVELOPMENT else order.spec.data.validation
    # Only what is looked at is read: neither synthetic images nor, of a full run, the test photographs.
    data_plan = order.spec.data.model_copy(update={"train": (), "validation": looked_at, "test": looked_at})
    narrow = order.model_copy(update={"spec": order.spec.model_copy(update={"data": data_plan})})
    device = environment.choose_device(order.spec.device, order.spec.precision)
    task = Segmentation(list(order.label_map.classes), order.spec.loss)
    data = read_data(narrow, Monitor(folder, 1, "worst", show_bar=False))
    frames = data[looked_at.dataset, looked_at.split]
    places = np.arange(len(frames.records))
    if part == VALIDATION:
        places = reserved(order.spec.data.validation, frames.records).places
    network = build(order.spec.network, task.output_channels)
    network.load_state_dict(kept["model"])
    network.to(device.place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.eval()
    predictions = []
    with torch.inference_mode():
        for images, _ in plain_batches(frames, places, order.spec.batch_size):
            with torch.autocast(device.kind, dtype=device.autocast_dtype, enabled=device.is_mixed):
                outputs = network(images.to(device.place))
            predictions.append(task.predict(outputs).cpu().numpy())
    return task, frames, [int(place) for place in places], np.concatenate(predictions)


def worst_places(counts: CountArray, number: int) -> list[int]:
    """Images with the most wrong pixels of a class: those cost dataset IoU the most.

    Args:
        counts: (N, 3) true positive, false positive and false negative pixels.
        number: How many at most; images without a wrong pixel are left out.
    """
    wrong = counts[:, 1] + counts[:, 2]
    return [int(place) for place in np.argsort(-wrong, kind="stable")[:number] if wrong[place]]


def confusion(predictions: ByteArray, targets: ByteArray, classes: int) -> CountArray:
    """(C + 1, C + 1) pixels by class in truth (rows) and in prediction, background first; ignored ones left out."""
    counted = targets != IGNORE_ID
    size = classes + 1
    pairs = targets[counted].astype(np.int64) * size + predictions[counted]
    return np.asarray(np.bincount(pairs, minlength=size * size).reshape(size, size), dtype=np.int64)


def confusion_text(table: CountArray, classes: Sequence[str]) -> str:
    """The confusion as Markdown: of each class's true pixels, the share that is taken for each."""
    names = ["background", *classes]
    lines = ["| truth, px | " + " | ".join(f"as {name}" for name in names) + " |", "|" + " --- |" * (len(names) + 1)]
    for name, row in zip(names, table, strict=True):
        shares = [f"{value / max(1, row.sum()):.3f}" for value in row]
        lines.append(f"| {name}, {row.sum()} | " + " | ".join(shares) + " |")
    return "\n".join(lines)


Captioned = tuple[str, list[ByteArray]]


def sheet(lines: Sequence[Sequence[Captioned]], legend: Sequence[tuple[str, tuple[int, int, int]]]) -> Image.Image:
    """Lines of captioned groups of pictures, and a legend.

    Args:
        lines: Groups side by side: a caption, and pictures (H, W, 3) uint8. The first picture of the first group gives
            the size; `SCALE` times as large each is shown.
        legend: Names and colours of the classes.
    """
    lines = [line for line in lines if line]
    if not lines:
        return Image.new("RGB", (320, 40), "white")
    height, width = (SCALE * side for side in lines[0][0][1][0].shape[:2])
    each = (len(lines[0][0][1]) * (width + 2) + GAP_PX, height + CAPTION_PX + GAP_PX)
    page_width = max(len(line) for line in lines) * each[0] + GAP_PX
    page = Image.new("RGB", (page_width, len(lines) * each[1] + 2 * CAPTION_PX), "white")
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(13)
    for row, line in enumerate(lines):
        for column, (caption, pictures) in enumerate(line):
            left, top = GAP_PX + column * each[0], row * each[1]
            pen.text((left, top), caption, "black", font)
            for place, picture in enumerate(pictures):
                scaled = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
                page.paste(scaled, (left + place * (width + 2), top + CAPTION_PX))
    left, top = GAP_PX, len(lines) * each[1] + CAPTION_PX // 2
    for name, color in legend:
        pen.rectangle((left, top, left + 12, top + 12), color)
        pen.text((left + 16, top - 2), name, "black", font)
        left += 28 + int(pen.textlength(name, font))
    return page


if __name__ == "__main__":
    sys.exit(main())
