"""tag · describe · alias · delete · erase · gc"""

from __future__ import annotations

import argparse

from contracts.dataset import AliasDescription
from contracts.document import validate
from contracts.erasure import AffectedVersion, ErasureReport
from contracts.errors import ConfigurationError
from contracts.ids import VersionReference, check_name
from registry.rows import current_user
from server.commands.references import find_reference
from server.commands.session import Session, Subparsers, command, natural, table
from server.resources import KEEP_DAYS, AliasTarget, ErasureRequest, VersionChange


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "tag",
        "add tags to a version, or remove them",
        epilog="  beltline tag belt-g6@2 generation:6 checked\n  beltline tag belt-g6@2 checked --remove\n"
        "  beltline datasets --tag generation:6",
    )
    parser.add_argument("version", metavar="NAME@V")
    parser.add_argument("tags", nargs="+", metavar="TAG", help="a name, or two joined by a colon")
    parser.add_argument("--remove", action="store_true", help="remove the tags")
    parser.set_defaults(run=_tag)

    parser = command(
        commands,
        shared,
        "describe",
        "set the description of a version",
        epilog='  beltline describe belt-g6@2 "low sun; replaces version 1"',
    )
    parser.add_argument("version", metavar="NAME@V")
    parser.add_argument("text", metavar="TEXT")
    parser.set_defaults(run=_describe)

    parser = command(
        commands,
        shared,
        "alias",
        "let a name stand for a version, or show what names stood for",
        description="Let an alias such as approved stand for a version; name@approved then is that version wherever a\n"
        "command takes NAME@V. latest always stands for the newest version. Without an alias, or with a dataset's\n"
        "name alone, show aliases with their history.",
        epilog="  beltline alias belt-g6@2 approved --reason 'masks checked by eye'\n  beltline alias belt-g6\n"
        "  beltline alias belt-g6 approved\n  beltline alias belt-g6 approved --remove",
    )
    parser.add_argument("version", metavar="NAME@V | NAME")
    parser.add_argument("alias", nargs="?", metavar="ALIAS")
    parser.add_argument("--remove", action="store_true", help="let it stand for nothing; its history stays")
    parser.add_argument("--reason", default="", metavar="TEXT", help="for the history")
    parser.set_defaults(run=_alias)

    parser = command(
        commands,
        shared,
        "delete",
        "delete a version",
        description="Delete a version. Refused where an alias, another version or a training run needs it. Its number\n"
        "is never given again. The bytes stay until `beltline gc`.",
        epilog="  beltline delete belt-g6@1 --reason 'left and right are exchanged'",
    )
    parser.add_argument("version", metavar="NAME@V")
    parser.add_argument("--reason", default="", metavar="TEXT", help="kept with the deletion")
    parser.set_defaults(run=_delete)

    parser = command(
        commands,
        shared,
        "erase",
        "remove the bytes of a group's frames for good",
        description="Remove the bytes of a group's frames for good, such as a person's. The version stays with its\n"
        "digest and shows the erasure; what was made of the frames is named. It can't be undone: look first.",
        epilog="  beltline erase photos@1 --group person-17 --dry-run\n"
        "  beltline erase photos@1 --group person-17 --reason 'consent withdrawn'",
    )
    parser.add_argument("version", metavar="NAME@V")
    parser.add_argument("--group", required=True, metavar="GROUP", help="as the frames' records name it")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    parser.add_argument("--reason", default="", metavar="TEXT", help="kept with the erasure")
    parser.set_defaults(run=_erase)

    parser = command(
        commands,
        shared,
        "gc",
        "free the stored files that nothing needs",
        description="Free the stored files that no version and no training run needs, and what jobs that ended left\n"
        "behind. Others may publish meanwhile, and it may be interrupted at any moment.",
        epilog="  beltline gc --dry-run\n  beltline gc",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be freed")
    parser.add_argument(
        "--keep-days",
        type=natural,
        default=KEEP_DAYS,
        metavar="N",
        help="how long what a failed, crashed or cancelled job had finished stays for its retry (%(default)s)",
    )
    parser.set_defaults(run=_gc)


def _tag(arguments: argparse.Namespace, session: Session) -> int:
    field = "remove_tags" if arguments.remove else "add_tags"
    return _change(arguments, session, {field: tuple(arguments.tags)})


def _describe(arguments: argparse.Namespace, session: Session) -> int:
    return _change(arguments, session, {"description": arguments.text})


def _change(arguments: argparse.Namespace, session: Session, values: dict[str, object]) -> int:
    change = validate(VersionChange, values, source=arguments.run.__name__.lstrip("_"))
    changed = session.service().change_version(find_reference(session, arguments.version), change)
    lines = [f"{changed.name}@{changed.version}  {' '.join(changed.tags) or 'no tags'}"]
    session.emit(changed, "\n".join(lines + [changed.description] * bool(changed.description)))
    return 0


def _alias(arguments: argparse.Namespace, session: Session) -> int:
    service = session.service()
    name, at, _ = arguments.version.partition("@")
    check_name(name, "dataset name")
    if arguments.alias is None:
        if at or arguments.remove:
            raise ConfigurationError(
                "no alias is named", code="no_alias", hint="write it after the version, such as approved"
            )
        page = service.aliases(name)
        session.emit(page, lambda: "\n".join(_alias_text(item) for item in page.items))
        return 0
    if arguments.remove:
        changed = service.remove_alias(name, arguments.alias, by=current_user(), reason=arguments.reason)
    elif at:
        reference = find_reference(session, arguments.version)
        values = {"version": reference.number, "by": current_user(), "reason": arguments.reason}
        changed = service.move_alias(name, arguments.alias, validate(AliasTarget, values, source="alias"))
    else:
        changed = service.alias(name, arguments.alias)
    session.emit(changed, lambda: _alias_text(changed))
    return 0


def _delete(arguments: argparse.Namespace, session: Session) -> int:
    reference = VersionReference.parse(arguments.version)  # never by an alias, which may have moved
    deleted = session.service().delete_version(reference, by=current_user(), reason=arguments.reason)
    session.emit(deleted, f"deleted {reference}  {deleted.digest}; `beltline gc` frees its files")
    return 0


def _erase(arguments: argparse.Namespace, session: Session) -> int:
    reference = VersionReference.parse(arguments.version)  # never by an alias, which may have moved
    values = {
        "group": arguments.group,
        "dry_run": arguments.dry_run,
        "by": current_user(),
        "reason": arguments.reason,
    }
    report = session.service().erase(reference, validate(ErasureRequest, values, source="erase"))
    session.emit(report, lambda: _erasure_text(report))
    return 0


def _erasure_text(report: ErasureReport) -> str:
    verb = "would erase" if report.dry_run else "erased"
    lines = [f"{verb} {report.files} files, {report.freed_bytes / 1e6:.1f} MB, of group '{report.group}'"]
    lines += [f"  {_affected_text(item)}" for item in report.erased] or ["  no frame: they were erased before"]
    for item in report.kept:
        shown = ", ".join(item.held_by) + (f" and {item.holders - len(item.held_by)} more" * (item.holders > 3))
        lines.append(f"stays: {item.what}, because the same bytes are in {shown}")
    lines += [f"not touched, other frames of a group of this name: {_affected_text(item)}" for item in report.elsewhere]
    lines += [f"was made of it and stays: {name}" for name in report.dependents]
    lines += [f"gone too: {name}" for name in report.derived]
    return "\n".join(lines)


def _affected_text(item: AffectedVersion) -> str:
    title = f"{item.name}@{item.version}" if item.name is not None else "a deleted version"
    return f"{item.frames} frames of {title}  {item.digest}"


def _gc(arguments: argparse.Namespace, session: Session) -> int:
    report = session.service().collect_garbage(dry_run=arguments.dry_run, keep_days=arguments.keep_days)
    verb = "would free" if report.dry_run else "freed"
    text = f"{verb} {report.freed} of {report.blobs} files, {report.freed_bytes / 1e6:.1f} MB"
    if report.jobs:
        text += f"\n{verb} what {report.jobs} ended jobs left behind, {report.jobs_bytes / 1e6:.1f} MB"
    session.emit(report, text)
    return 0


def _alias_text(item: AliasDescription) -> str:
    now = f"{item.name}@{item.version}" if item.version is not None else "nothing"
    rows = [(move.at, move.version or "removed", move.by or "-", move.reason or "-") for move in item.history]
    return f"{item.name}@{item.alias} is {now}\n{table(rows, ('WHEN', 'VERSION', 'BY', 'REASON'))}"
