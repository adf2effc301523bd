"""convert"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.process import write_atomically
from server.commands.session import Session, Subparsers, command, table

FORMATS = ("perception",)


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "convert",
        "make a generator of another tool's configuration",
        description="Make a generator of another tool's configuration, and say what of it has no counterpart.\n\n"
        "perception: the scenario configuration that Unity Perception writes (JSON)",
        epilog="  beltline convert perception scenarioConfiguration.json --out mine.yaml\n"
        "  beltline convert perception scenarioConfiguration.json --out mine.yaml --extends belt-g4 \\\n"
        "      --map CabinLightRandomizer.temperature=light.temperature_k",
    )
    parser.add_argument("format", choices=FORMATS, metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.yaml", help="file of the generator")
    parser.add_argument("--extends", default="exterior", metavar="GENERATOR", help="what it extends (exterior)")
    parser.add_argument("--name", metavar="NAME", help="of the generator; that of the file when left out")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="PARAMETER=FIELD",
        help="what a parameter of your own stands for, as in Randomizer.parameter=randomizer.field; may be repeated",
    )
    parser.set_defaults(run=_convert)


def _convert(arguments: argparse.Namespace, session: Session) -> int:
    session.local_only("convert")
    # Imported here: other commands need nothing of it.
    from server.perception.conversion import convert
    from server.perception.scenario import read_scenario

    out: Path = arguments.out
    if out.suffix not in (".yaml", ".yml"):
        raise ConfigurationError(f"--out {out}: a generator's file ends in .yaml", hint=f"such as {out.stem}.yaml")
    found = convert(
        read_scenario(arguments.file),
        name=arguments.name or out.stem,
        extends=arguments.extends,
        folder=session.settings().generators,
        mapped=_mapped(arguments.map),
    )
    try:
        write_atomically(out, found.text().encode())
    except OSError as error:
        raise ConfigurationError(f"{out} can't be written: {error.strerror}", hint="check the path") from None
    for item in found.not_converted:
        session.say(f"not converted: {item.source}: {item.reason}")

    def text() -> str:
        rows = [(item.source, item.field, item.note) for item in found.converted]
        frames, seed = found.frames or 100, found.seed or 0
        command = f"beltline render {shlex.quote(str(out))} --frames {frames} --seed {seed}"
        parts = [table(rows, ("SCENARIO", "GENERATOR", "NOTE"))] if rows else ["nothing has a counterpart"]
        return "\n".join([*parts, "", f"{out}: to render it as often: {command}"])

    session.emit({"out": str(out), **found.model_dump(mode="json")}, text)
    return 0


def _mapped(texts: list[str]) -> dict[str, str]:
    mapped: dict[str, str] = {}
    for text in texts:
        source, separator, field = text.partition("=")
        if not separator or not source or not field:
            raise ConfigurationError(
                f"--map '{text}': write PARAMETER=FIELD", hint="such as MyLight.temperature=light.temperature_k"
            )
        if source in mapped:
            raise ConfigurationError(f"--map: '{source}' is given twice", hint="a parameter stands for one field")
        mapped[source] = field
    return mapped
