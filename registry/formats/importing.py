"""What all importers share: images are read, checked and stored one after another, and the whole becomes a version.

A format says what there is to import (`Opener`) and what is known of each image (`Source.annotate`). Whatever it does
not take is listed in the report; a fault refuses the import, after all faults were collected.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from contracts.dataset import DatasetManifest, VersionDescription
from contracts.errors import ConfigurationError, NotFoundError
from contracts.frame import FileRole, FrameRecord, Instance
from contracts.frame_spec import Label
from contracts.ids import Digest, check_name, digest_of
from contracts.import_report import LISTED_MAX, ImportReport, MetadataKind, NearDuplicate, NotTaken
from registry.catalog import Catalog
from registry.formats.findings import SHOWN_FAULTS, Findings
from registry.formats.mask_folders import load_groups
from registry.formats.metadata import read_metadata
from registry.formats.parallel import in_parallel
from registry.formats.photographs import Refused, decode_image, read_source
from registry.formats.png import encode_indexed, encode_rgb, encode_short
from registry.near_duplicates import near_pairs, perceptual_hash
from registry.publication import publish_version
from registry.reader import OnProgress
from registry.splits import deal, leaking_groups
from registry.store import Store
from registry.version_writer import VersionWriter

OnReport = Callable[[ImportReport], None]
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Origin:
    """Where an import reads, and what was asked for."""

    root: Path
    """The imported folder, resolved."""
    document: Path | None
    """The imported file, where PATH is one."""
    images: Path | None
    """Folder of the images, resolved, where they lie elsewhere."""
    classes: Path | None
    """Class table, where one was given."""
    splits: Mapping[str, str]
    """Subfolder (or file) by split."""
    groups: Mapping[str, str] | None
    """Group by file name or path, where a table was given."""

    def relative(self, path: Path) -> str:
        """What reports and records call a file: relative to the imported folder, or to that of the images."""
        for base in (self.root, self.images):
            if base is not None and path.is_relative_to(base):
                return path.relative_to(base).as_posix()
        return path.name

    def is_inside(self, path: Path) -> bool:
        """Whether a path, its links followed, lies in the imported folder or in that of the images."""
        resolved = path.resolve()
        return any(base is not None and resolved.is_relative_to(base) for base in (self.root, self.images))

    def group_of(self, source: str, own: str | None, findings: Findings) -> str | None:
        """The group of an image: that of the table where there is one, else the format's own."""
        if self.groups is None:
            return own
        group = self.groups.get(source, self.groups.get(source.rsplit("/", 1)[-1]))
        if group is None:
            findings.fault(source, "has no group in the table of groups")
        return group


@dataclass(frozen=True)
class Picture:
    """An image to import."""

    source: str
    """What reports and the record call it."""
    path: Path
    split: str | None
    group: str | None
    note: Any = None
    """What its format needs to annotate it."""


@dataclass(frozen=True)
class Annotated:
    """What is known of an image."""

    mask: npt.NDArray[np.uint8]
    """(H, W) uint8 label ids, 0 background, 255 ignore."""
    instances: npt.NDArray[np.uint16] | None = None
    """(H, W) uint16; none where the source tells no instances apart by pixels."""
    things: tuple[Instance, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    not_taken: tuple[NotTaken, ...] = ()


class Source(Protocol):
    """What there is to import."""

    @property
    def labels(self) -> tuple[Label, ...]:
        """Background first."""

    @property
    def pictures(self) -> Sequence[Picture]:
        """In the order of the version."""

    def annotate(self, picture: Picture, size: tuple[int, int] | None, faults: list[str]) -> Annotated | None:
        """What is known of a picture; called from several threads.

        Args:
            picture: One of `pictures`.
            size: Width, height of the upright image in pixels; none where it can't be taken.
            faults: What must be mended is added here, as `location: message`; nothing is returned then.

        Raises:
            Refused: The picture's annotation can't be taken.
        """


Opener = Callable[[Origin, Findings], Source]
"""Looks at what lies in a place, without decoding images."""


def import_dataset(
    open_source: Opener,
    store: Store,
    catalog: Catalog,
    path: Path,
    *,
    name: str,
    images: Path | None = None,
    classes: Path | None = None,
    groups: Path | None = None,
    splits: Mapping[str, str] | None = None,
    shares: Mapping[str, float] | None = None,
    seed: int = 0,
    description: str = "",
    license_terms: str | None = None,
    consent: str | None = None,
    keep_metadata: Collection[MetadataKind] = (),
    on_progress: OnProgress | None = None,
    on_report: OnReport | None = None,
) -> VersionDescription:
    """Make a version of somebody's images and annotations.

    Images are turned upright, stripped of EXIF and all other metadata, and stored as PNG; what of EXIF is asked for
    becomes parameters of the frame. Masks are stored with label ids, instances with their boxes and areas. The
    source is only read. An interrupted import leaves nothing that is seen, and its repetition gives the same version.

    Args:
        open_source: The format.
        store: Where the blobs go.
        catalog: Where the version becomes visible.
        path: The folder, or the file of a format that is one.
        name: The dataset.
        images: Folder of the images, where they lie elsewhere.
        classes: Class table; the format's own when not given.
        groups: CSV of `file_name,group`; the format's own groups when not given.
        splits: Subfolder by name of split.
        shares: Share of the images by name of split; whole groups are dealt out at random. Not together with splits.
        seed: Of the dealing.
        description: For people.
        license_terms: Terms under which the images are used.
        consent: What the people shown agreed to.
        keep_metadata: Kinds of EXIF fields to keep as parameters; places only where `place` is among them.
        on_progress: Called with (images done, images).
        on_report: Called once, with what was not taken, before the version becomes visible.

    Raises:
        NotFoundError: The folder, one of its parts or a table is missing.
        ConfigurationError: A table is not valid, files do not fit (`context["errors"]` names them), or a group or an
            image stands in two splits. Nothing was published.
        StorageError: A file can't be read for want of the disk, or the store refuses.
    """
    check_name(name, "dataset name")
    for split in splits or {}:
        check_name(split, "split")
    origin = Origin(
        root=(path if path.is_dir() else path.parent).resolve(),
        document=path.resolve() if path.is_file() else None,
        images=images.resolve() if images is not None else None,
        classes=classes,
        splits=dict(splits or {}),
        groups=load_groups(groups) if groups is not None else None,
    )
    if not path.exists():
        raise NotFoundError(f"no folder {path}", code="no_such_folder", hint="check the path")
    if images is not None and not images.is_dir():
        raise NotFoundError(f"no folder {images}", code="no_such_folder", hint="check --images")

    def write() -> DatasetManifest:
        findings = Findings()
        source = open_source(origin, findings)
        pictures = _dealt(source.pictures, shares or {}, seed)
        _refuse_leaks(pictures)
        taken = _Taken(findings)
        with VersionWriter(store, hold=True) as writer:
            work = in_parallel(lambda picture: _prepare(picture, source, keep_metadata), pictures)
            for done, (picture, result) in enumerate(zip(pictures, work, strict=True), 1):
                record = taken.add(picture, result)
                if record is not None and isinstance(result, Prepared) and not findings.faults:
                    writer.add(record, result.files, what=picture.source)
                if on_progress is not None:
                    on_progress(done, len(pictures))
            findings.refuse_faults(path)
            if not pictures:
                raise ConfigurationError(
                    f"no image in {path}: a version needs at least one frame",
                    code="empty_version",
                    hint="check the path and the format",
                )
            manifest = writer.finish(source.labels, license_terms=license_terms, consent=consent)
        if on_report is not None:
            on_report(taken.report())
        return manifest

    return publish_version(store, catalog, name, write, description=description)


@dataclass(frozen=True)
class Prepared:
    """A picture as it is stored."""

    files: Mapping[FileRole, bytes]
    size: tuple[int, int]
    things: tuple[Instance, ...]
    parameters: Mapping[str, Any]
    not_taken: tuple[NotTaken, ...]
    look: int | None
    """Perceptual hash."""


class _Taken:
    """What was taken so far, as far as later images are compared with it."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._seen: dict[Digest, Picture] = {}
        self._pictures: list[Picture] = []
        self._looks: list[int | None] = []
        self._instances = 0

    def add(self, picture: Picture, result: Prepared | list[str]) -> FrameRecord | None:
        if isinstance(result, list):
            self._findings.faults += result
            return None
        self._findings.add(result.not_taken)
        record = FrameRecord(
            index=0,
            files={role: digest_of(data) for role, data in result.files.items()},
            size=result.size,
            instances=result.things,
            parameters=dict(result.parameters),
            split=picture.split,
            group=picture.group,
            source=picture.source,
        )
        twin = self._seen.setdefault(record.files["image"], picture)
        if twin.split != picture.split:
            self._findings.fault(picture.source, f"is the same image as {twin.source} in another split")
        self._pictures.append(picture)
        self._looks.append(result.look)
        self._instances += len(result.things)
        return record

    def report(self) -> ImportReport:
        parts = [picture.split for picture in self._pictures]
        pairs, count = near_pairs(self._looks, parts, limit=LISTED_MAX) if len(set(parts)) > 1 else ([], 0)
        return ImportReport(
            images=len(self._pictures),
            instances=self._instances,
            not_taken=tuple(self._findings.not_taken),
            not_taken_count=dict(sorted(self._findings.counts.items())),
            near_duplicates=tuple(
                NearDuplicate(
                    first=self._pictures[first].source,
                    second=self._pictures[second].source,
                    first_split=str(parts[first]),
                    second_split=str(parts[second]),
                    distance_bits=bits,
                )
                for first, second, bits in pairs
            ),
            near_duplicate_count=count,
        )


def _prepare(picture: Picture, source: Source, keep_metadata: Collection[MetadataKind]) -> Prepared | list[str]:
    faults: list[str] = []
    data = attempt(faults, picture.source, lambda: read_source(picture.path))
    image = attempt(faults, picture.source, lambda: decode_image(data)) if data is not None else None
    size = (image.shape[1], image.shape[0]) if image is not None else None
    annotated = attempt(faults, picture.source, lambda: source.annotate(picture, size, faults))
    if faults or image is None or size is None or annotated is None:
        return faults
    files: dict[FileRole, bytes] = {
        "image": encode_rgb(image),
        "mask": encode_indexed(annotated.mask, source.labels),
    }
    if annotated.instances is not None:
        files["instances"] = encode_short(annotated.instances)
    look = perceptual_hash(image) if picture.split is not None else None
    metadata, unread = read_metadata(data, keep_metadata) if data is not None else ({}, [])
    not_taken = tuple(NotTaken(location=picture.source, reason="metadata", message=text) for text in unread)
    return Prepared(
        files, size, annotated.things, {**annotated.parameters, **metadata}, (*annotated.not_taken, *not_taken), look
    )


def attempt(faults: list[str], where: str, action: Callable[[], _Result]) -> _Result | None:
    """What an action gives, or none and its refusal among the faults."""
    try:
        return action()
    except Refused as refusal:
        faults.append(f"{where}: {refusal}")
        return None


def _dealt(pictures: Sequence[Picture], shares: Mapping[str, float], seed: int) -> Sequence[Picture]:
    """Pictures with the splits that shares ask for."""
    if not shares:
        return pictures
    for split in shares:
        check_name(split, "split")
    if any(picture.split is not None for picture in pictures):
        raise ConfigurationError(
            "the source has splits already, and shares were asked for",
            code="invalid_split",
            hint="leave the shares out, or import a folder without splits",
        )
    splits = deal([picture.group for picture in pictures], shares, seed)
    return [replace(picture, split=split) for picture, split in zip(pictures, splits, strict=True)]


def _refuse_leaks(pictures: Iterable[Picture]) -> None:
    leaks = leaking_groups((picture.group, picture.split) for picture in pictures)
    if leaks:
        shown = [f"{group} ({', '.join(names)})" for group, names in list(leaks.items())[:SHOWN_FAULTS]]
        raise ConfigurationError(
            f"{len(leaks)} groups stand in more than one split: {'; '.join(shown)}",
            code="split_leak",
            hint="frames of one group must all be in one split, or what is measured on the other is flattered",
            context={"groups": list(leaks)[:1000]},
        )
