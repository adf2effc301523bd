"""Apply a model to a folder of photographs.

    python -m training.predict ORDER.json

The order (`contracts/model.py: PredictionOrder`) names a workspace, where `progress.json` is kept fresh and
`result.json` or `error.json` is left (`contracts/process.py`). The folder of predictions appears when it is complete.
Exit codes: 0 done, 1 failed, 2 the order can't be read, 143 stopped on request.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from contracts.errors import ConfigurationError, TrainingError
from contracts.frame_spec import BACKGROUND_ID, Label
from contracts.ids import digest_of
from contracts.model import PredictedPhotograph, PredictionOrder, Predictions
from contracts.process import write_atomically, write_document
from contracts.run import Loss
from registry.formats.export_folder import appearing_folder
from registry.formats.photographs import Refused, decode_image, read_source
from registry.formats.png import encode_indexed
from training.data import scale_image
from training.environment import make_repeatable, usable_cpus
from training.models import FloatArray, Model, open_model
from training.process import Monitor, carry_out_order, leaving_result
from training.tasks.segmentation import Segmentation
from training.tasks.task import ByteArray

PREDICTIONS_FILE = "predictions.json"
SUFFIXES = (".jpg", ".jpeg", ".png")
BATCH = 4
"""Photographs at a time: each is held at its own size."""
_OVERLAY_QUALITY = 92
_FAULTS_NAMED = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the order named on the command line."""
    module = "training.predict"
    return carry_out_order(PredictionOrder, leaving_result(predict, module), module, arguments)


def predict(order: PredictionOrder, monitor: Monitor) -> Predictions:
    """Predict a mask for every photograph of a folder.

    Args:
        order: What to do.
        monitor: Told of progress.

    Raises:
        NotFoundError: There is no such model.
        ConfigurationError: The model or some photographs can't be used; nothing was written.
        IntegrityError: The model's file is damaged; nothing was written.
        ConflictError: The folder of predictions is there and not empty.
        Stopped: The process was asked to stop; nothing was written.
    """
    images, out = Path(order.images), Path(order.out)
    if out.resolve().is_relative_to(images.resolve()):
        raise ConfigurationError(
            f"{out} lies in the folder of photographs", code="invalid_folder", hint="write predictions elsewhere"
        )
    photographs, left_out = list_photographs(images)
    with appearing_folder(out) as folder:
        monitor.say("opening the model")
        make_repeatable()
        model = open_model(Path(order.model))
        found = list(_predicted(model, images, photographs, folder, order.overlays, monitor))
        names = list(model.description.label_map.classes)
        predictions = Predictions(
            model=model.description,
            model_digest=model.digest,
            computed_with=model.computed_with,
            classes={str(number): name for number, name in enumerate(["background", *names])},
            photographs=tuple(found),
            left_out=tuple(left_out),
        )
        write_document(folder / PREDICTIONS_FILE, predictions)
    return predictions


def list_photographs(folder: Path) -> tuple[list[str], list[str]]:
    """Paths of photographs and of other files in a folder and those below it, sorted; hidden ones are passed over.

    Raises:
        ConfigurationError: There is no such folder, or no photograph in it, or two would give one mask.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder} is not a folder", code="invalid_folder", hint="name a folder of photographs"
        )
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    shown = [path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts)]
    photographs = [path for path in shown if PurePosixPath(path).suffix.lower() in SUFFIXES]
    if not photographs:
        raise ConfigurationError(
            f"no photograph lies in {folder}",
            code="no_photographs",
            hint=f"photographs are files {', '.join(SUFFIXES)}",
        )
    masks: dict[str, str] = {}
    for path in photographs:
        other = masks.setdefault(_mask_name(path), path)
        if other != path:
            raise ConfigurationError(
                f"{other} and {path} would give one mask, {_mask_name(path)}",
                code="ambiguous_names",
                hint="rename one of them",
            )
    taken = set(photographs)
    return photographs, [path for path in shown if path not in taken]


def class_ids(logits: FloatArray, size_px: tuple[int, int]) -> ByteArray:
    """Class ids at another size: each class's logits scaled bilinearly, then the highest where it is at least 0.

    Args:
        logits: (C, h, w) float32.
        size_px: Width, height.

    Returns:
        (H, W) uint8; 0 is background.
    """
    width, height = size_px
    highest = np.full((height, width), -np.inf, np.float32)
    ids = np.full((height, width), BACKGROUND_ID, np.uint8)
    for number, of_class in enumerate(logits, 1):  # one by one: all classes at a photograph's size fill memory
        scaled = cv2.resize(of_class, size_px, interpolation=cv2.INTER_LINEAR)
        wins = (scaled >= 0) & (scaled > highest)  # a logit of 0 is probability 0.5
        ids[wins] = number
        np.copyto(highest, scaled, where=wins)
    return ids


@dataclass(frozen=True)
class _Photograph:
    path: str
    digest: str
    pixels: ByteArray
    """(H, W, 3) uint8 sRGB, upright."""


def _predicted(
    model: Model, images: Path, photographs: Sequence[str], folder: Path, overlays: bool, monitor: Monitor
) -> Iterator[PredictedPhotograph]:
    """Write masks, photograph by photograph; once one can't be read, only look for others that can't."""
    write = _writer(model, folder, overlays)
    size_px = model.description.preprocessing.image_size
    faults: list[str] = []
    monitor.step(0, "predicting", total=len(photographs))
    with ThreadPoolExecutor(usable_cpus()) as pool:
        for first in range(0, len(photographs), BATCH):
            read = list(pool.map(lambda path: _read(images, path), photographs[first : first + BATCH]))
            faults += [item for item in read if isinstance(item, str)]
            whole = [item for item in read if not isinstance(item, str)]
            if not faults:
                logits = model.logits(np.stack([scale_image(item.pixels, size_px) for item in whole]))
                if not np.isfinite(logits).all():
                    raise TrainingError(
                        f"the model gives no numbers for {', '.join(item.path for item in whole)}",
                        code="invalid_model",
                        hint="its weights are not finite; take another run",
                    )
                yield from pool.map(write, whole, logits)
            monitor.step(first + len(read), "predicting")
            monitor.say("predicting")
    if faults:
        more = f"; and {len(faults) - _FAULTS_NAMED} more" if len(faults) > _FAULTS_NAMED else ""
        raise ConfigurationError(
            f"{len(faults)} of {len(photographs)} photographs can't be read: {'; '.join(faults[:_FAULTS_NAMED])}{more}",
            code="invalid_photographs",
            hint="mend or remove them; nothing was written",
        )


def _read(images: Path, path: str) -> _Photograph | str:
    try:
        data = read_source(images / path)
        return _Photograph(path, digest_of(data), decode_image(data))
    except Refused as refused:
        return f"{path}: {refused}"


def _writer(model: Model, folder: Path, overlays: bool) -> Callable[[_Photograph, FloatArray], PredictedPhotograph]:
    names = list(model.description.label_map.classes)
    task = Segmentation(names, Loss())
    labels = [Label(id=BACKGROUND_ID, name="background", color=(0, 0, 0))]
    labels += [Label(id=number, name=name, color=color) for number, (name, color) in enumerate(task.legend(), 1)]

    def write(photograph: _Photograph, logits: FloatArray) -> PredictedPhotograph:
        height, width = photograph.pixels.shape[:2]
        ids = class_ids(logits, (width, height))
        mask = f"masks/{_mask_name(photograph.path)}"
        _put(folder / mask, encode_indexed(ids, labels))
        overlay = None
        if overlays:
            overlay = f"overlays/{PurePosixPath(photograph.path).with_suffix('.jpg')}"
            drawn = task.picture(photograph.pixels, ids)
            _, jpeg = cv2.imencode(".jpg", drawn[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _OVERLAY_QUALITY])
            _put(folder / overlay, jpeg.tobytes())
        counts = np.bincount(ids.ravel(), minlength=len(names) + 1)
        return PredictedPhotograph(
            photograph=photograph.path,
            digest=photograph.digest,
            size=(width, height),
            mask=mask,
            overlay=overlay,
            area_px={name: int(counts[number]) for number, name in enumerate(names, 1)},
        )

    return write


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)


def _mask_name(path: str) -> str:
    return PurePosixPath(path).with_suffix(".png").as_posix()


if __name__ == "__main__":
    sys.exit(main())
