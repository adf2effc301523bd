"""regenerate"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from contracts.errors import ConfigurationError, IntegrityError
from contracts.lock import DatasetCheck, Finding, LockCheck
from contracts.overrides import parse_overrides
from server.commands.arguments import add_overrides, player_argument
from server.commands.session import Session, Subparsers, as_json, command, natural, positive, size_text
from server.regeneration.checking import SAMPLE, check
from server.regeneration.lock_file import UnfinishedJobs, read_lock, update_lock
from server.regeneration.making import Made, lock_folder, make
from server.regeneration.wanted import FRAMES, Wishes, find_wanted

DIFFERENT = IntegrityError.exit_code
_SHOWN_CHARACTERS = 60


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "regenerate",
        "render what a lock file names, or prove that it would come out the same",
        description="Render the datasets of a lock file that are missing here or whose generator changed, and rewrite "
        "the\nlock. FILES add generators to it, or choose among its datasets; without them all of them are meant.\n\n"
        "--check publishes nothing: it renders some frames anew, compares them with the lock, and ends with 3 and an\n"
        "explanation where something has drifted: generator text, sampling, scene assets, player, labels, pixels.",
        epilog="  beltline regenerate night-sedans.yaml --frames 64 --seed 1 --lock datasets.lock\n"
        "  beltline regenerate --lock datasets.lock\n"
        "  beltline regenerate --lock datasets.lock --check\n"
        "  beltline regenerate --lock datasets.lock --check --all",
    )
    parser.add_argument("files", nargs="*", metavar="FILES", help="generators, by name or YAML file")
    parser.add_argument("--lock", type=Path, default=Path("datasets.lock"), metavar="FILE", help="(%(default)s)")
    batch = parser.add_argument_group("what is rendered, where it is not as locked")
    batch.add_argument("--frames", type=positive, metavar="N", help=f"frames of a dataset ({FRAMES} of a new one)")
    batch.add_argument("--seed", type=natural, metavar="S", help="of a dataset (0 of a new one)")
    batch.add_argument("--size", type=size_text, metavar="WxH", help="pixels")
    batch.add_argument("--dataset", metavar="NAME", help="name of the one dataset; a new one's is its generator's")
    batch.add_argument("--player", metavar="PLAYER", help="embedded, a name from the settings, or a path")
    add_overrides(batch)
    checking = parser.add_argument_group("checking")
    checking.add_argument("--check", action="store_true", help="compare only; exit code 3 where something differs")
    amount = checking.add_mutually_exclusive_group()
    amount.add_argument("--sample", type=positive, metavar="N", help=f"frames of each dataset to render ({SAMPLE})")
    amount.add_argument("--all", action="store_true", help="render every frame")
    checking.add_argument("--sample-seed", type=natural, default=0, metavar="S", help="of the choice of frames (0)")
    parser.set_defaults(run=_regenerate)


def _regenerate(arguments: argparse.Namespace, session: Session) -> int:
    lock_path: Path = arguments.lock
    if not arguments.check and (arguments.sample or arguments.all):
        raise ConfigurationError("--sample and --all are for --check", hint="add --check, or leave them out")
    if not lock_path.resolve().parent.is_dir():
        raise ConfigurationError(f"--lock: there is no folder {lock_path.parent}", hint="name a lock in a folder")
    if arguments.check and not lock_path.exists():
        raise ConfigurationError(
            f"there is no lock {lock_path} to check", code="no_lock", hint="`beltline regenerate FILES…` writes one"
        )
    lock = read_lock(lock_path)
    wishes = Wishes(
        frames=arguments.frames,
        seed=arguments.seed,
        size=arguments.size,
        player=player_argument(arguments.player, session) if arguments.player else None,
        dataset=arguments.dataset,
        overrides=parse_overrides(arguments.overrides) or None,
    )
    service, folder = session.service(), lock_folder(lock_path)
    wanted = find_wanted(service, lock, folder, arguments.files, wishes, remote=session.remote)
    for item in wanted:  # before anything is rendered, everything that can be known to be wrong is said
        service.trace(item.named, item.trace(()))
    if arguments.check:
        sample = None if arguments.all else arguments.sample or SAMPLE
        checks = []
        for item in wanted:
            session.say(f"{item.dataset}: rendering {'all' if sample is None else 'some'} frames anew")
            checks.append(check(service, item, sample=sample, sample_seed=arguments.sample_seed))
        result = LockCheck(same=all(found.same for found in checks), datasets=tuple(checks))
        session.emit(result, lambda: "\n".join(_check_text(found) for found in checks))
        return 0 if result.same else DIFFERENT
    unfinished = UnfinishedJobs(lock_path)
    made = []
    for item in wanted:
        found = make(service, item, unfinished, session.follow)
        if found.changed:
            update_lock(lock_path, found.dataset, found.entry)
        made.append(found)
    session.emit(
        {"lock": str(lock_path), "datasets": [_made_json(item) for item in made]},
        lambda: "\n".join(_made_text(item) for item in made),
    )
    return 0


def _made_json(item: Made) -> dict[str, Any]:
    return {
        "dataset": item.dataset,
        "version": str(item.version),
        "digest": item.entry.version_digest,
        "rendered": item.rendered,
        "locked_anew": item.changed,
        "findings": as_json(item.findings),
    }


def _made_text(item: Made) -> str:
    how = "rendered" if item.rendered else "there already"
    how += ", locked anew" if item.changed else ", as locked"
    return "\n".join([f"{item.version}  {item.entry.version_digest}  {how}", *map(_finding_text, item.findings)])


def _check_text(found: DatasetCheck) -> str:
    verdict = "the same" if found.same else "DRIFT"
    return "\n".join(
        [f"{found.dataset}: {verdict}, {found.frames_rendered} frames rendered", *map(_finding_text, found.findings)]
    )


def _finding_text(finding: Finding) -> str:
    lines = [f"  {finding.kind}: {finding.message}" + ("" if finding.drift else " (no drift by itself)")]
    lines += [f"    {change.path}: {_shown(change.locked)} -> {_shown(change.now)}" for change in finding.changes]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
