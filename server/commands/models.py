"""predict · export-model · explain"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.document import validate
from contracts.errors import BeltlineError, ConfigurationError, ConflictError, NotFoundError, TrainingError, nearest
from contracts.explanation import (
    COUNTED_PIXELS,
    IMAGES,
    METHODS,
    SQUARE_PX,
    ExplainedClass,
    Explanation,
    ExplanationOrder,
)
from contracts.model import ModelExport, ModelExportOrder, PredictionOrder, Predictions
from contracts.process import RESULT_FILE, Progress, read_progress
from server.commands.references import find_reference
from server.commands.session import Session, Subparsers, command, natural, positive, progress_bar, table
from server.jobs.executors.local import LocalExecutor
from server.jobs.executors.process import Outcome, ProcessOrder
from server.settings import Settings

_POLL_S = 0.1
_STOP_GRACE_S = 10.0
_SILENCE_S = 120.0
"""Of a process, after which it is taken for hung."""

_ResultT = TypeVar("_ResultT", bound=BaseModel)


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "predict",
        "apply a trained model to a folder of photographs",
        description="Apply a trained model to a folder of JPEG and PNG photographs. OUT, which must be new or empty,\n"
        "gets masks/ (indexed PNG of class ids, each of its photograph's size) and predictions.json (where the model\n"
        "comes from, and the area of each class on each photograph).",
        epilog="  beltline predict run-3f9c01a2b4d7 photos/ out/\n"
        "  beltline predict .beltline/runs/run-3f9c01a2b4d7/checkpoints/last.pt photos/ out/ --overlays\n"
        "  beltline predict belts.onnx photos/ out/",
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a finished run, also one of a study; or a checkpoint or ONNX file"
    )
    parser.add_argument("images", type=Path, metavar="IMAGES", help="a folder; folders in it are looked into")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--overlays", action="store_true", help="draw the classes over each photograph, too")
    parser.set_defaults(run=_predict)

    parser = command(
        commands,
        shared,
        "export-model",
        "write a trained model as an ONNX file",
        description="Write a trained model as an ONNX file, compared with PyTorch in onnxruntime before it appears.\n"
        "It takes uint8 sRGB images as they are; its metadata say where it comes from.\n"
        "Needs `pip install 'beltline[onnx]'`.",
        epilog="  beltline export-model run-3f9c01a2b4d7 belts.onnx",
    )
    parser.add_argument("model", metavar="MODEL", help="a finished run, also one of a study, or a checkpoint file")
    parser.add_argument("out", type=Path, metavar="FILE.onnx")
    parser.set_defaults(run=_export)

    parser = command(
        commands,
        shared,
        "explain",
        "show what a trained model looks at",
        description="Show what a trained model looks at in those images of a dataset version that it does best and\n"
        "worst on, by guided backpropagation (needs `pip install 'beltline[explain]'`), whitened squares, or both.\n"
        "DIR, which must be new or empty, gets explanation.html, explanation.json, and each map as picture and\n"
        "as numbers.",
        epilog="  beltline explain run-3f9c01a2b4d7 --dataset carparts@1 --method guided-backprop --out why/\n"
        "  beltline explain run-3f9c01a2b4d7 --dataset belts@2 --split test --class seat_belt --images 5 \\\n"
        "      --method guided-backprop --method saliency --out why/\n"
        "  beltline explain belts.onnx --dataset belts@2 --frames 17 204 --method saliency --square-px 16 --out why/",
    )
    parser.add_argument(
        "run_id",
        metavar="RUN",
        help="a finished run, also one of a study; or a checkpoint, or, for saliency, an ONNX file",
    )
    parser.add_argument("--dataset", required=True, metavar="NAME@V", help="version with the images")
    parser.add_argument(
        "--method", required=True, action="append", choices=METHODS, help="how; may be given twice, for both"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--split",
        metavar="SPLIT",
        help="one split of the version; by default the one that the run was tested on, else the whole version",
    )
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        default=[],
        metavar="CLASS",
        help="explain this class alone; may be given several times; by default all classes together",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--images", type=positive, default=IMAGES, metavar="N", help=f"best images and worst ones, each ({IMAGES})"
    )
    which.add_argument("--frames", type=natural, nargs="+", default=[], metavar="I", help="these frames instead")
    parser.add_argument(
        "--square-px",
        type=positive,
        default=SQUARE_PX,
        metavar="N",
        help=f"side of the squares of saliency, at the size that the model takes ({SQUARE_PX})",
    )
    parser.add_argument(
        "--counted",
        choices=COUNTED_PIXELS,
        default=COUNTED_PIXELS[0],
        help="pixels whose logits guided backpropagation adds up: those predicted as the class, those that truly show"
        " it, or all (predicted)",
    )
    parser.set_defaults(run=_explain)


def _predict(arguments: argparse.Namespace, session: Session) -> int:
    session.local_only("predict")
    settings = session.settings()
    model = model_path(arguments.model, settings)
    if not arguments.images.is_dir():
        raise ConfigurationError(
            f"{arguments.images} is not a folder", code="invalid_folder", hint="name a folder of photographs"
        )
    with _workspace(settings) as workspace:
        order = PredictionOrder(
            model=str(model),
            images=str(arguments.images.absolute()),
            out=str(arguments.out.absolute()),
            overlays=arguments.overlays,
            workspace=workspace,
        )
        found = _carry_out("training.predict", order, Predictions, noun="photograph")
    if found.left_out:
        session.say(f"{len(found.left_out)} other files were left out, such as {found.left_out[0]}")
    session.emit(found, lambda: f"{len(found.photographs)} masks of {found.model.run} in {arguments.out / 'masks'}")
    return 0


def _export(arguments: argparse.Namespace, session: Session) -> int:
    session.local_only("export-model")
    settings = session.settings()
    model = model_path(arguments.model, settings)
    if arguments.out.suffix != ".onnx":
        raise ConfigurationError(f"{arguments.out} is not the name of an ONNX file", hint="such as belts.onnx")
    if arguments.out.exists():
        raise ConflictError(f"{arguments.out} is there", code="export_exists", hint="name a new file")
    with _workspace(settings) as workspace:
        order = ModelExportOrder(model=str(model), out=str(arguments.out.absolute()), workspace=workspace)
        found = _carry_out("training.export_model", order, ModelExport, noun="step")
    session.emit(
        found,
        lambda: (
            f"{arguments.out}  {found.digest}\nlogits differ from PyTorch's by {found.largest_difference:.2g} at most"
            f" ({found.tolerated_difference:.2g} is tolerated), classes in {found.differing_pixels} of"
            f" {found.compared_pixels} pixels of {found.compared_images} images"
        ),
    )
    return 0


def _explain(arguments: argparse.Namespace, session: Session) -> int:
    session.local_only("explain")
    settings = session.settings()
    model = model_path(arguments.run_id, settings)
    version = session.service().version(find_reference(session, arguments.dataset))
    with _workspace(settings) as workspace:
        asked = {
            "model": str(model),
            "dataset": f"{version.name}@{version.version}",
            "digest": version.digest,
            "store": settings.store_url,
            "split": arguments.split,
            "methods": arguments.method,
            "classes": arguments.classes,
            "images": arguments.images,
            "frames": arguments.frames,
            "square_px": arguments.square_px,
            "counted": arguments.counted,
            "out": str(arguments.out.absolute()),
            "workspace": workspace,
        }
        order = validate(ExplanationOrder, asked, source="explain")
        found = _carry_out("training.explain.process", order, Explanation, noun="image", title="explain")
    session.emit(found, lambda: _explanation_text(found, arguments.out))
    return 0


def _explanation_text(found: Explanation, out: Path) -> str:
    rows = [row for item in found.classes for row in _explanation_rows(item)]
    header = ("CLASS", "", "FRAME", "IOU", *(f"ON TRUTH, {method}" for method in found.methods))
    return f"{table(rows, header)}\n\npage {out / found.page}"


def _explanation_rows(found: ExplainedClass) -> list[tuple[object, ...]]:
    return [
        (
            found.class_name or "all",
            image.place,
            image.frame,
            f"{image.iou:.3f}",
            *("-" if item.on_truth is None else f"{item.on_truth:.0%}" for item in image.maps),
        )
        for image in found.images
    ]


def model_path(text: str, settings: Settings) -> Path:
    """Where a model lies: a run's folder, or a file.

    Args:
        text: Id of a run, or the path of a file.
        settings: Of the home whose runs are meant.

    Raises:
        NotFoundError: There is neither.
    """
    if "/" not in text and (settings.runs_folder / text).is_dir():
        return settings.runs_folder / text
    path = Path(text)
    if path.is_file():
        return path.absolute()
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder", code="invalid_model", hint="name a run by its id, or a file")
    runs = [folder.name for folder in settings.runs_folder.glob("*/")]
    raise NotFoundError(
        f"no run and no file '{text}'",
        code="unknown_model",
        hint=nearest(text, runs)[:400]
        if runs
        else f"{settings.runs_folder} holds no runs; a file is named by its path",
    )


def _workspace(settings: Settings) -> tempfile.TemporaryDirectory[str]:
    """A folder for a process's order, progress and result; it goes with the command."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=settings.cache, prefix="model-")


def _carry_out(module: str, order: Any, result: type[_ResultT], *, noun: str, title: str = "") -> _ResultT:
    """Run a process to its end under a progress bar; it ends with this one, and Ctrl-C stops it.

    Raises:
        BeltlineError: Its own verdict, or how it died.
    """
    workspace = Path(order.workspace)
    process = LocalExecutor().start(ProcessOrder(module, module, order, workspace), workspace / "log.txt")
    outcome: Outcome | None = None
    try:
        with progress_bar(0, title or module.rpartition(".")[2], noun) as bar:
            while outcome is None:
                time.sleep(_POLL_S)
                outcome = process.poll()
                now = _progress(workspace)
                bar.total = now.total or None
                bar.set_postfix_str(now.message, refresh=False)
                bar.update(now.done - bar.n)
                if outcome is None and process.silent_s() > _SILENCE_S:
                    raise TrainingError(f"{module} said nothing for {_SILENCE_S:.0f} s", code="process_hung")
    finally:
        process.stop(_STOP_GRACE_S)
        while process.poll() is None:
            time.sleep(_POLL_S)
    error = outcome.failure or outcome.death
    if error is not None:
        raise _with_last_words(error)
    return result.model_validate_json((workspace / RESULT_FILE).read_bytes())


def _progress(workspace: Path) -> Progress:
    try:
        return read_progress(workspace) or Progress(done=0, total=0)
    except ValidationError:
        return Progress(done=0, total=0)


def _with_last_words(error: BeltlineError) -> BeltlineError:
    """The error, and under it what a process that died had printed, for its log goes with the workspace."""
    words = error.context.get("log_tail")
    if words:
        error.hint = "its last words: " + " | ".join(str(line) for line in words if line)[-1500:]
    return error
