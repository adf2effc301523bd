"""mix"""

from __future__ import annotations

import argparse

from contracts.document import validate
from contracts.errors import ConfigurationError
from contracts.mix import MixDescription, MixRequest
from server.commands.session import Session, Subparsers, command, table


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "mix",
        "keep a mix of dataset versions, or show those that there are",
        description="Keep a mix: which versions, how much of each, by which seed. A mix never changes; a training "
        "document\nnames it as `data: {mix: NAME}`, and a version that it names is not deleted. Without a text, show\n"
        "a mix by its name or digest; without a name, list them.\n\n"
        "TEXT is AMOUNT of NAME@V [SPLIT] + …, then nested (every larger subset contains the smaller ones) or\n"
        "independent, then seed N. An amount is a number of images, a share such as 0.7 or 70%%, or all.",
        epilog="  beltline mix cabin-and-parts '0.7 of carparts@3 train + 512 of belt-g6@2, nested, seed 4'\n"
        "  beltline mix cabin-and-parts\n  beltline mix\n  beltline mix cabin-and-parts --remove",
    )
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("text", nargs="?", metavar="TEXT")
    parser.add_argument("--remove", action="store_true", help="forget it")
    parser.set_defaults(run=_mix)


def _mix(arguments: argparse.Namespace, session: Session) -> int:
    service = session.service()
    if arguments.remove and (arguments.name is None or arguments.text is not None):
        raise ConfigurationError("--remove forgets a mix by its name", hint="write beltline mix NAME --remove")
    if arguments.name is None:
        page = service.mixes()
        rows = [(item.name, sum(item.images), item.text, item.digest) for item in page.items]
        session.emit(page, lambda: table(rows, ("NAME", "IMAGES", "MIX", "DIGEST")))
        return 0
    if arguments.text is not None:
        found = service.create_mix(validate(MixRequest, {"name": arguments.name, "text": arguments.text}, source="mix"))
    elif arguments.remove:
        found = service.remove_mix(arguments.name)
    else:
        found = service.mix(arguments.name)
    session.emit(found, lambda: _text(found))
    return 0


def _text(found: MixDescription) -> str:
    lines = [f"{found.name}  {found.digest}", found.text]
    lines += [
        f"{count} images of {source.dataset}" + (f" {source.split}" if source.split else "") + f" ({source.digest})"
        for source, count in zip(found.mix.sources, found.images, strict=True)
    ]
    lines += [
        f"terms of {item.source}: license {item.license or 'not said'}, consent {item.consent or 'not said'}"
        for item in found.terms
    ]
    return "\n".join([*lines, f"kept {found.created_at}" + (f" by {found.created_by}" if found.created_by else "")])
