"""Explain a trained model: what it looks at in the images of a dataset version that it does best and worst on.

    python -m training.explain.process ORDER.json

The order (`contracts/explanation.py: ExplanationOrder`) names a workspace, where `progress.json` is kept fresh and
`result.json` or `error.json` is left (`contracts/process.py`). The folder of pictures appears when it is complete.
Exit codes: 0 done, 1 failed, 2 the order can't be read, 143 stopped on request.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from contracts.errors import ConfigurationError, NotFoundError, nearest
from contracts.explanation import ExplainedClass, Explanation, ExplanationOrder
from contracts.process import write_document
from registry.formats.export_folder import appearing_folder
from registry.reader import open_version
from training.environment import choose_device, make_repeatable
from training.explain import page
from training.explain.explainer import Chosen, Explainer, GradientMap
from training.explain.images import VersionImages, best_and_worst, image_ious
from training.metrics.detail import FALSE_NEGATIVE, TRUE_POSITIVE
from training.models import Model, open_model, open_network, order_of
from training.process import Monitor, carry_out_order, leaving_result
from training.tasks.segmentation import Segmentation
from training.tasks.task import ByteArray, Counts

EXPLANATION_FILE = "explanation.json"
PAGE_FILE = "explanation.html"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the order named on the command line."""
    module = "training.explain.process"
    return carry_out_order(ExplanationOrder, leaving_result(explain, module), module, arguments)


def explain(order: ExplanationOrder, monitor: Monitor) -> Explanation:
    """Draw what a model looks at.

    Args:
        order: What to do.
        monitor: Told of progress.

    Raises:
        NotFoundError: There is no such model, split, frame or class.
        ConfigurationError: The model can't be explained in this way or on this version; nothing was written.
        CapabilityMissingError: The method needs a package that is not installed.
        IntegrityError: The model's file or the version is damaged; nothing was written.
        ConflictError: The folder is there and not empty.
        TrainingError: The model gives no numbers.
        Stopped: The process was asked to stop; nothing was written.
    """
    with appearing_folder(Path(order.out)) as folder:
        monitor.say("opening the model")
        make_repeatable()
        gradient_map = _gradient_map(order) if "guided-backprop" in order.methods else None
        model = open_model(Path(order.model))
        names = list(model.description.label_map.classes)
        subjects: list[int | None] = [_subject(name, names) for name in order.classes] or [None]
        version = open_version(order.store, order.digest, name=order.dataset)
        split = _split(order)
        source = VersionImages(version, model.description.label_map, model.description.preprocessing.image_size)
        records = source.records(split, order.frames)
        explainer = Explainer(order, model, source, gradient_map, folder, monitor)
        counts = explainer.count(records)
        chosen = {subject: _chosen(order, explainer.task, counts, subject) for subject in subjects}
        found = explainer.explained(records, counts, chosen)
        explanation = Explanation(
            model=model.description,
            model_digest=model.digest,
            computed_with=_computed_with(model, order),
            dataset=order.dataset,
            digest=order.digest,
            split=split,
            methods=order.methods,
            square_px=order.square_px,
            counted=order.counted,
            compared_images=len(records),
            classes=tuple(
                ExplainedClass(
                    class_name=None if subject is None else names[subject - 1],
                    shown_by=len(choice.shown_by),
                    mean_iou=_mean(image_ious(counts, subject)[choice.shown_by]),
                    images=tuple(found[subject, number] for _, number in choice.places),
                )
                for subject, choice in chosen.items()
            ),
            page=PAGE_FILE,
        )
        monitor.say("writing the page")
        page.write(folder / PAGE_FILE, explanation, explainer.drawn, explainer.task.legend())
        write_document(folder / EXPLANATION_FILE, explanation)
    return explanation


def _gradient_map(order: ExplanationOrder) -> GradientMap:
    """Guided backpropagation of the order's model.

    Raises:
        ConfigurationError: The model is an ONNX file, or has rectifiers that gradients can't be guided through.
        CapabilityMissingError: captum is not installed.
    """
    if order.model.endswith(".onnx"):
        raise ConfigurationError(
            f"{order.model} gives predictions and no gradients: it is an ONNX file",
            code="no_gradients",
            hint="name the run that it was made of, or take the method saliency",
        )
    from training.explain import guided_backprop  # needs an extra

    network, description, _ = open_network(Path(order.model))
    network.requires_grad_(False)
    guided_backprop.check(network, description.network, description.preprocessing.image_size)
    place = choose_device("auto", "float32").place
    network.to(place)

    def gradient_map(image: ByteArray, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].to(place)
        return guided_backprop.gradient_maps(network, pixels, torch.from_numpy(weights)[None].to(place))[0]

    return gradient_map


def _computed_with(model: Model, order: ExplanationOrder) -> dict[str, str]:
    if "guided-backprop" not in order.methods:
        return model.computed_with
    from training.explain import guided_backprop

    return {**model.computed_with, "captum": guided_backprop.VERSION}


def _subject(name: str, names: Sequence[str]) -> int:
    """The id of a class."""
    if name not in names:
        raise NotFoundError(f"the model has no class '{name}'", code="unknown_class", hint=nearest(name, names))
    return names.index(name) + 1


def _split(order: ExplanationOrder) -> str | None:
    """The order's split, or that of the run's test set where that is of this version."""
    if order.split is not None or order.frames or order.model.endswith(".onnx"):
        return order.split
    run = order_of(Path(order.model))
    test = run.spec.data.test
    return test.split if run.versions[test.dataset] == order.digest else None


def _chosen(order: ExplanationOrder, task: Segmentation, counts: Counts, subject: int | None) -> Chosen:
    """What is explained for a class.

    Raises:
        ConfigurationError: No image truly shows it, so none is a best or worst one.
    """
    truth = counts[..., TRUE_POSITIVE] + counts[..., FALSE_NEGATIVE]
    shown = np.flatnonzero(truth.sum(axis=1) if subject is None else truth[:, subject - 1]).tolist()
    if order.frames:
        return Chosen(shown, [("named", number) for number in range(len(counts))])
    if not shown:
        what = "a class of the model" if subject is None else f"'{task.classes[subject - 1]}'"
        raise ConfigurationError(
            f"none of the {len(counts)} images of {order.dataset} shows {what}",
            code="class_not_shown",
            hint="name another class, split or version; or frames, which need not show it",
        )
    best, worst = best_and_worst(image_ious(counts, subject), shown, order.images)
    return Chosen(shown, [*(("best", number) for number in best), *(("worst", number) for number in worst)])


def _mean(scores: npt.NDArray[np.float64]) -> float | None:
    return float(scores.mean()) if len(scores) else None


if __name__ == "__main__":
    sys.exit(main())
