"""models"""

from __future__ import annotations

import argparse

from contracts.model import TrainedModel
from server.commands.session import Session, Subparsers, command, table
from server.trained_models import trained_models


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "models",
        "list trained models, with what they learned from and what they scored",
        description="List the models that finished runs of this home have left, those of studies too, the best of\n"
        "each test set first. `predict`, `export-model` and `explain` take them by the id of their run. With --json\n"
        "each has the digests of its versions, its studies, and the path of its weights.",
        epilog="  beltline models\n  beltline models --dataset carparts@1\n"
        "  beltline models --study carparts-transfer-3f9c01a2b4d7",
    )
    parser.add_argument("--dataset", metavar="NAME[@V]", help="only those that learned from it or were tested on it")
    parser.add_argument("--study", metavar="ID", help="only those of this study")
    parser.set_defaults(run=_models)


def _models(arguments: argparse.Namespace, session: Session) -> int:
    session.local_only("models")
    found, unreadable = trained_models(session.settings(), dataset=arguments.dataset, study=arguments.study)
    for folder in unreadable:
        session.say(f"{folder}: can't be read, left out")
    session.emit(found, lambda: models_text(found))
    return 0


def models_text(models: list[TrainedModel]) -> str:
    """Models as a table."""
    rows = [
        (
            model.run,
            f"{model.network.architecture} {model.network.encoder}",
            model.label_map,
            ", ".join(f"{count} of {source}" for source, count in model.trained_on.items()),
            f"{model.tested_on} ({model.test_images})",
            f"{model.mean_dataset_iou:.3f}",
            ", ".join(model.studies),
        )
        for model in models
    ]
    return table(rows, ("RUN", "NETWORK", "LABEL MAP", "LEARNED FROM", "TESTED ON", "MEAN IOU", "STUDIES"))
