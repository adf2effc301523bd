"""generators · validate · schema"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from contracts.document import read_file
from contracts.process import write_atomically
from contracts.schemas import DOCUMENTS, export, export_text
from server.commands.session import Session, Subparsers, command, table


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(commands, shared, "generators", "list the generators, or show one with randomizers and labels")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a generator's name")
    parser.set_defaults(run=_generators)

    parser = command(
        commands,
        shared,
        "validate",
        "check a document: generator, training run, study or label map",
        epilog="  beltline validate my_generator.yaml",
    )
    parser.add_argument("file", type=Path, metavar="FILE.yaml")
    parser.set_defaults(run=_validate)

    parser = command(
        commands,
        shared,
        "schema",
        "print the JSON Schema of a document, or of all",
        epilog="  beltline schema generator\n  beltline schema --out schemas",
    )
    parser.add_argument("document", nargs="?", metavar="DOCUMENT", help=", ".join(DOCUMENTS))
    parser.add_argument("--out", type=Path, metavar="DIR", help="write DOCUMENT.schema.json files there")
    parser.set_defaults(run=_schema)


def _generators(arguments: argparse.Namespace, session: Session) -> int:
    service = session.service()
    if arguments.name is None:
        summaries = service.generators()
        rows = [(item.name, "{}x{}".format(*item.size), len(item.labels), item.description) for item in summaries]
        session.emit({"items": summaries}, lambda: table(rows, ("NAME", "SIZE", "LABELS", "DESCRIPTION")))
        return 0
    found = service.generator(arguments.name)

    def text() -> str:
        document = found.document
        head = [
            f"{found.name}: {found.description}".rstrip(": "),
            f"digest {found.digest}",
            f"scenario {found.scenario}, {found.size[0]}x{found.size[1]} px",
            f"{document.render.samples_per_pixel} samples per pixel",
        ]
        randomizers = table(
            [
                (name, item.kind, ", ".join(field for field in type(item).model_fields if field != "kind"))
                for name, item in document.randomizers.items()
            ],
            ("RANDOMIZER", "KIND", "FIELDS"),
        )
        settings = document.labels
        labels = table(
            [
                (label.id, label.name, "#{:02x}{:02x}{:02x}".format(*label.color), _demand(settings.get(label.name)))
                for label in found.label_table
            ],
            ("ID", "LABEL", "COLOR", "MUST APPEAR IN"),
        )
        return "\n".join([*head, "", randomizers, "", labels])

    session.emit(found, text)
    return 0


def _demand(label: object) -> str:
    return getattr(label, "must_appear_in", None) or "-"


def _validate(arguments: argparse.Namespace, session: Session) -> int:
    result = session.service().validate(read_file(arguments.file), str(arguments.file))
    name = f" '{result.name}'" if result.name else ""
    digest = f", digest {result.digest}" if result.digest else ""
    session.emit(result, f"{arguments.file}: a valid {result.kind}{name}{digest}")
    return 0


def _schema(arguments: argparse.Namespace, session: Session) -> int:
    names = [arguments.document] if arguments.document else list(DOCUMENTS)
    texts = {name: export_text(name) for name in names}
    if arguments.out is None:
        value = export(arguments.document) if arguments.document else {name: export(name) for name in names}
        print(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))
        return 0
    arguments.out.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts.items():
        path = arguments.out / f"{name}.schema.json"
        write_atomically(path, text.encode())
        paths.append(str(path))
    session.emit({"files": paths}, "\n".join(paths))
    return 0
