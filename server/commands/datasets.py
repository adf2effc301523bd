"""datasets · import · export · verify"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, get_args

from tqdm import tqdm

from contracts.dataset import Deletion, VersionDescription
from contracts.document import is_path, load, validate
from contracts.errors import ConfigurationError, IntegrityError
from contracts.import_report import MetadataKind
from contracts.label_map import LabelMap
from registry.catalog import Catalog
from registry.store import Store
from registry.verify import verify
from server.commands.dataset_statistics import show_difference, show_statistics
from server.commands.references import find_reference
from server.commands.session import Session, Subparsers, command, progress_bar, result_text, table
from server.resources import (
    DatasetSummary,
    ExportFormat,
    ExportRequest,
    Fault,
    ImportFormat,
    ImportRequest,
    StatisticsRequest,
    Verification,
)


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "datasets",
        "list datasets, or show one or one version",
        epilog="  beltline datasets\n  beltline datasets --tag generation:6\n  beltline datasets exterior\n"
        "  beltline datasets exterior@1\n  beltline datasets exterior@latest\n"
        "  beltline datasets exterior@1 --stats --page statistics.html\n"
        "  beltline datasets exterior@2 --diff exterior@1 --label-map carparts-5\n"
        "  beltline datasets exterior@2 --diff exterior@1 --page difference.html",
    )
    parser.add_argument("name", nargs="?", metavar="NAME | NAME@V", help="V is a number or an alias")
    parser.add_argument("--tag", metavar="TAG", help="list the versions that carry this tag")
    parser.add_argument("--stats", action="store_true", help="show the version in numbers")
    parser.add_argument("--page", type=Path, metavar="FILE.html", help="with --stats or --diff: with plots, too")
    parser.add_argument("--diff", metavar="NAME@V", help="show how the version differs from this one")
    parser.add_argument("--label-map", metavar="NAME | FILE.yaml", help="with --stats, --page, --diff: of its classes")
    parser.set_defaults(run=_datasets)

    parser = command(
        commands,
        shared,
        "import",
        "import images with annotations as a dataset version",
        description="Import images with annotations as a dataset version. Blocks until done; Ctrl-C cancels. What is\n"
        "not taken is counted, and listed with --json; nothing is imported where something must be mended first.\n\n"
        "masks         images/ and masks/ (indexed or grey PNG of class ids, 255 ignored) with the same names\n"
        "coco          the JSON file, or a folder with one or with annotations/instances_*.json\n"
        "solo          the folder that Unity Perception wrote\n"
        "yolo          the YAML file, or a folder with one, or with images/ and labels/\n"
        "cityscapes    leftImg8bit/ and gtFine/\n"
        "bdd           the JSON file of BDD100K, or a folder with one a split; images/\n"
        "bdd-bitmasks  images/ and bitmasks/\n"
        "camvid        701_StillsRaw_full/ and LabeledApproved_full/, or SPLIT/ and SPLIT_labels/\n"
        "gtav          images/ and labels/ in the colours of Cityscapes\n"
        "viper         img/, cls/ and inst/",
        epilog="  beltline import masks photographs --name carparts --classes photographs/classes.json \\\n"
        "      --groups photographs/groups.csv --split train=train --split test_public=test_public\n"
        "  beltline import coco annotations/instances_val2017.json --images val2017 --name coco-val\n"
        "  beltline import solo solo_3 --name perception --share train=0.8 --share validation=0.2 --seed 1\n"
        "  beltline import masks photographs --name carparts --keep-metadata camera --keep-metadata exposure",
    )
    formats = get_args(ImportFormat)
    parser.add_argument("format", choices=formats, metavar="FORMAT", help=", ".join(formats))
    parser.add_argument("path", type=Path, metavar="PATH")
    parser.add_argument("--name", required=True, help="dataset to publish under")
    parser.add_argument(
        "--classes", type=Path, metavar="FILE", help='JSON: {"classes": {"0": "background", …}} or a list'
    )
    parser.add_argument("--groups", type=Path, metavar="FILE.csv", help="file_name,group: images never split apart")
    parser.add_argument("--images", type=Path, metavar="DIR", help="where the images lie, if not with the rest")
    parser.add_argument("--split", action="append", default=[], metavar="NAME=SUBFOLDER", help="may be repeated")
    parser.add_argument(
        "--share", action="append", default=[], metavar="NAME=FRACTION", help="deal groups out to splits; repeated"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the dealing")
    parser.add_argument("--license", metavar="TEXT", help="terms of the images")
    parser.add_argument("--consent", metavar="TEXT", help="what the people shown agreed to")
    parser.add_argument(
        "--keep-metadata",
        action="append",
        default=[],
        choices=get_args(MetadataKind),
        metavar="KIND",
        help="keep EXIF as parameters: camera, exposure, time, place (where it was taken); repeated",
    )
    parser.add_argument("--description", default="", metavar="TEXT")
    parser.set_defaults(run=_import)

    parser = command(
        commands,
        shared,
        "export",
        "write a version into a folder",
        description="Write a version into a folder that does not exist or is empty.\n\n"
        "raw         images/ masks/ instances/ depth/ as %06d.png, frames.jsonl, labels.json, version.json\n"
        "coco        images/, annotations/ with run lengths and boxes\n"
        "yolo        images/, labels/ with a polygon an object, data.yaml\n"
        "solo        as Unity Perception writes it\n"
        "cityscapes  leftImg8bit/, gtFine/ with labelIds, instanceIds and polygons\n"
        "webdataset  tar shards\n"
        "parquet     with images as `datasets` and the Hugging Face Hub read them",
        epilog="  beltline export exterior@1 raw out\n  beltline export exterior@1 coco out --label-map carparts-5\n"
        "  beltline export exterior@1 yolo out --label-map my-classes.yaml",
    )
    parser.add_argument("version", metavar="NAME@V")
    formats = get_args(ExportFormat)
    parser.add_argument("format", choices=formats, metavar="FORMAT", help=", ".join(formats))
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--label-map", metavar="NAME | FILE.yaml", help="write its classes instead of the labels")
    parser.set_defaults(run=_export)

    parser = command(
        commands,
        shared,
        "verify",
        "hash stored files again; exit code 3 names every bad one",
        epilog="  beltline verify\n  beltline verify exterior@1",
    )
    parser.add_argument("version", nargs="?", metavar="NAME@V", help="all versions when left out")
    parser.set_defaults(run=_verify)


def _datasets(arguments: argparse.Namespace, session: Session) -> int:
    service = session.service()
    if arguments.tag is not None and arguments.name is not None:
        raise ConfigurationError("--tag lists datasets: it goes with no name", hint="leave one of them out")
    if (arguments.stats or arguments.page or arguments.diff) and "@" not in (arguments.name or ""):
        raise ConfigurationError(
            "statistics and differences are those of a version", code="no_version", hint="write NAME@V"
        )
    if arguments.label_map and not (arguments.stats or arguments.page or arguments.diff):
        raise ConfigurationError(
            "--label-map says how statistics and differences are counted", hint="add --stats, --page or --diff"
        )
    label_map = validate(StatisticsRequest, {"label_map": _label_map(arguments.label_map)}, source="datasets").label_map
    if arguments.diff and not arguments.stats:
        reference, against = (find_reference(session, text) for text in (arguments.name, arguments.diff))
        show_difference(session, reference, against, arguments.page, label_map)
        return 0
    if arguments.stats or arguments.page:
        show_statistics(session, find_reference(session, arguments.name), arguments.page, label_map)
        return 0
    if arguments.name is None:
        page = service.datasets(tag=arguments.tag)
        session.emit(page, lambda: _list(page.items) if arguments.tag is None else _versions(page.items))
        if page.next_cursor:
            session.say(f"the first {len(page.items)}; the rest: GET /v1/datasets?cursor={page.next_cursor}")
    elif "@" in arguments.name:
        version = service.version(find_reference(session, arguments.name))
        session.emit(version, lambda: _version_text(version))
    else:
        found = service.dataset(arguments.name)
        session.emit(found, lambda: "\n".join([_versions([found]), *map(_deletion_text, found.deletions)]))
    return 0


def _deletion_text(item: Deletion) -> str:
    said = [f"{item.name}@{item.version} was deleted {item.deleted_at}", item.deleted_by and f"by {item.deleted_by}"]
    return " ".join(part for part in said if part) + (f": {item.reason}" if item.reason else "")


def _versions(items: list[DatasetSummary]) -> str:
    rows = [
        (
            f"{item.name}@{version.version}",
            version.frame_count,
            version.created_at,
            " ".join([*(f"@{alias}" for alias in version.aliases), *version.tags]) or "-",
            version.digest,
        )
        for item in items
        for version in item.versions
    ]
    return table(rows, ("VERSION", "FRAMES", "CREATED", "ALIASES, TAGS", "DIGEST"))


def _list(items: list[DatasetSummary]) -> str:
    rows = [
        (
            f"{item.name}@{item.latest.version}",
            item.latest.frame_count,
            item.latest.generator.name if item.latest.generator else "imported",
            " ".join(f"{name}:{count}" for name, count in item.latest.splits.items()) or "-",
            item.latest.created_at,
        )
        for item in items
    ]
    return table(rows, ("LATEST", "FRAMES", "MADE BY", "SPLITS", "CREATED"))


def _version_text(version: VersionDescription) -> str:
    made_by = f"generator {version.generator.name} {version.generator.digest}" if version.generator else "imported"
    lines = [
        f"{version.name}@{version.version}  {version.digest}",
        f"{version.frame_count} frames, created {version.created_at}"
        + (f" by {version.created_by}" if version.created_by else ""),
        made_by + (f", seed {version.seed}" if version.seed is not None else ""),
        "labels " + ", ".join(f"{label.id} {label.name}" for label in version.labels),
    ]
    if version.splits:
        lines.append("splits " + ", ".join(f"{name} {count}" for name, count in version.splits.items()))
    if version.parents:
        lines.append("made of " + ", ".join(version.parents))
    quality = version.quality
    lines.append(f"redrawn frames {quality.redrawn_frames}, gaps {len(quality.gaps)}")
    lines += [f"rejected by {check}: {count}" for check, count in quality.rejections.items()]
    lines += [f"{key} {value}" for key, value in version.operation.items()]
    if version.aliases:
        lines.append("aliases " + ", ".join(version.aliases))
    if version.tags:
        lines.append("tags " + ", ".join(version.tags))
    lines += [f"{field} {text}" for field in ("license", "consent") if (text := getattr(version, field))]
    lines += [
        f"terms of {item.source}: license {item.license or 'not said'}, consent {item.consent or 'not said'}"
        for item in version.terms
    ]
    lines += [
        f"erased in part: {item.frames} frames of group '{item.group}', {item.erased_at}"
        + (f" by {item.erased_by}" if item.erased_by else "")
        + ("" if item.finished else "; interrupted: repeat it, or run `beltline gc`")
        for item in version.erasures
    ]
    if version.description:
        lines.append(version.description)
    return "\n".join(lines)


def _import(arguments: argparse.Namespace, session: Session) -> int:
    # A service reads its own machine's paths: only a local command may complete relative ones.
    place = str if session.remote else lambda path: str(Path(path).resolve())
    request = validate(
        ImportRequest,
        {
            "format": arguments.format,
            "path": place(arguments.path),
            "name": arguments.name,
            "classes": place(arguments.classes) if arguments.classes else None,
            "groups": place(arguments.groups) if arguments.groups else None,
            "images": place(arguments.images) if arguments.images else None,
            "splits": _splits(arguments.split),
            "shares": _shares(arguments.share),
            "seed": arguments.seed,
            "license": arguments.license,
            "consent": arguments.consent,
            "keep_metadata": arguments.keep_metadata,
            "description": arguments.description,
        },
        source="import",
    )
    accepted = session.service().import_dataset(request)
    job = session.follow(accepted.job)
    session.emit(job, result_text(job))
    for line in report_lines((job.result or {}).get("report")):
        session.say(line)
    return 0


def report_lines(report: dict[str, Any] | None) -> list[str]:
    """What an import did not take, counted by reason, and how many images look alike across splits."""
    if report is None:
        return []
    lines = []
    first = {item["reason"]: item for item in reversed(report["not_taken"])}
    for reason, count in report["not_taken_count"].items():
        item = first.get(reason, {"location": "", "message": ""})
        lines.append(f"not taken as written: {count} x {reason}, such as {item['location']}: {item['message']}")
    pairs = report["near_duplicate_count"]
    if pairs:
        item = report["near_duplicates"][0]
        lines.append(
            f"warning: {pairs} pairs of images look alike in different splits, such as {item['first']}"
            f" ({item['first_split']}) and {item['second']} ({item['second_split']})"
        )
    return lines


def _splits(texts: list[str]) -> dict[str, str]:
    return _pairs(texts, "--split", "NAME=SUBFOLDER", "such as --split train=train")


def _shares(texts: list[str]) -> dict[str, float]:
    hint = "such as --share train=0.8"
    shares: dict[str, float] = {}
    for name, value in _pairs(texts, "--share", "NAME=FRACTION", hint).items():
        try:
            shares[name] = float(value)
        except ValueError:
            raise ConfigurationError(f"--share '{name}={value}': '{value}' is no number", hint=hint) from None
    return shares


def _pairs(texts: list[str], option: str, form: str, hint: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name or not value:
            raise ConfigurationError(f"{option} '{text}': write {form}", hint=hint)
        if name in pairs:
            raise ConfigurationError(f"{option}: '{name}' is given twice", hint="give each name once")
        pairs[name] = value
    return pairs


def _export(arguments: argparse.Namespace, session: Session) -> int:
    reference = find_reference(session, arguments.version)
    request = validate(
        ExportRequest, {"format": arguments.format, "label_map": _label_map(arguments.label_map)}, source="export"
    )
    service = session.service()
    if session.remote:
        service.export(reference, request, arguments.out)
    else:
        with progress_bar(0, f"export {reference}", "frame") as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            service.export(reference, request, arguments.out, on_progress=show)
    session.emit({"version": str(reference), "format": request.format, "out": str(arguments.out)}, str(arguments.out))
    return 0


def _label_map(text: str | None) -> str | dict[str, Any] | None:
    """A name stays one: it is looked up where it is applied."""
    if text is None or not is_path(text):
        return text
    return load(LabelMap, Path(text)).model_dump(mode="json")


def _verify(arguments: argparse.Namespace, session: Session) -> int:
    session.local_only("verify")
    settings = session.settings()
    references = [find_reference(session, arguments.version)] if arguments.version else None
    store, catalog = Store(settings.store_url), Catalog(settings.catalog_url)
    versions = references or [reference for reference, _ in catalog.all_versions()]
    with tqdm(unit="file", desc="verify", file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        faults = verify(store, catalog, references, on_progress=show)
        files = bar.n
    found = Verification(
        versions=[str(item) for item in versions],
        files=files,
        faults=[Fault(path=fault.path, message=str(fault)) for fault in faults],
    )
    for fault in faults:
        session.say(str(fault))
    session.emit(found, f"{len(versions)} versions, {files} files, {len(faults)} bad")
    return IntegrityError.exit_code if faults else 0
