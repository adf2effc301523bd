"""What all importers share: images are read, checked and stored one after another, and the whole becomes a version.

A format says what there is to import (`Opener`) and what is known of each image (`Source.annotate`). Whatever it does
not take is listed in the report; a fault refuses the import, after all faults were collected.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from contracts.dataset import DatasetManifest, VersionDescription
from contracts.errors import ConfigurationError, NotFoundError
from contracts.frame import FileRole, FrameRecord, Instance
from contracts.frame_spec import Label
from contracts.ids import check_name, digest_of
from contracts.import_report import LISTED_MAX, ImportReport, MetadataKind, NearDuplicate, NotTaken
from registry.catalog import Catalog
from registry.durable import storage_error
from registry.formats.findings import Findings
from registry.formats.mask_folders import load_groups
from registry.formats.metadata import read_metadata
from registry.formats.parallel import in_parallel
from registry.formats.photographs import Refused, decode_image, read_source
from registry.formats.picture_list import Picture, PictureList
from registry.formats.png import encode_indexed, encode_rgb, encode_short
from registry.formats.splitting import Splits
from registry.near_duplicates import near_pairs, perceptual_hash
from registry.publication import publish_version
from registry.reader import OnProgress
from registry.spool import DIGEST_BYTES, SortedEntries, digest_bytes
from registry.store import Store
from registry.version_writer import VersionWriter

OnReport = Callable[[ImportReport], None]
_Result = TypeVar("_Result")
_PLACE_BYTES = 8
_NO_LOOK = 0
"""Instead of a perceptual hash: half of the bits of each are set."""


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
    scratch: Path
    """Where lists are kept in the making."""

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
    def pictures(self) -> PictureList:
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
    group_table = load_groups(groups) if groups is not None else None
    if not path.exists():
        raise NotFoundError(f"no folder {path}", code="no_such_folder", hint="check the path")
    if images is not None and not images.is_dir():
        raise NotFoundError(f"no folder {images}", code="no_such_folder", hint="check --images")

    def write() -> DatasetManifest:
        findings = Findings()
        with VersionWriter(store, hold=True) as writer:
            origin = Origin(
                root=(path if path.is_dir() else path.parent).resolve(),
                document=path.resolve() if path.is_file() else None,
                images=images.resolve() if images is not None else None,
                classes=classes,
                splits=dict(splits or {}),
                groups=group_table,
                scratch=writer.scratch(),
            )
            try:
                source = open_source(origin, findings)
                splitting = Splits(source.pictures, shares or {}, seed, origin.scratch)
                taken = _Taken(source.pictures, splitting, findings, origin.scratch)
                prepared = in_parallel(
                    lambda picture: (picture, _prepare(picture, source, keep_metadata)), splitting.pictures()
                )
                for done, (picture, result) in enumerate(prepared, 1):
                    record = taken.add(picture, result)
                    if record is not None and isinstance(result, Prepared) and not findings.faults:
                        writer.add(record, result.files, what=picture.source)
                    if on_progress is not None:
                        on_progress(done, len(source.pictures))
                taken.find_twins()
                findings.refuse_faults(path)
                if not len(source.pictures):
                    raise ConfigurationError(
                        f"no image in {path}: a version needs at least one frame",
                        code="empty_version",
                        hint="check the path and the format",
                    )
                manifest = writer.finish(source.labels, license_terms=license_terms, consent=consent)
                if on_report is not None:
                    on_report(taken.report())
            except OSError as error:
                raise storage_error(error, f"look through {path} and keep lists of what is there") from error
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
    """What was taken so far, as far as images are compared with each other."""

    def __init__(self, pictures: PictureList, splits: Splits, findings: Findings, scratch: Path) -> None:
        self._list = pictures
        self._splits = splits
        self._findings = findings
        self._compare = len(np.unique(splits.parts)) > 1
        self._images = SortedEntries(scratch, DIGEST_BYTES + _PLACE_BYTES)
        self._looks = array("Q")
        self._instances = 0

    def add(self, picture: Picture, result: Prepared | list[str]) -> FrameRecord | None:
        place = len(self._looks)
        self._looks.append(result.look or _NO_LOOK if isinstance(result, Prepared) else _NO_LOOK)
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
        if self._compare:
            self._images.add(digest_bytes(record.files["image"]) + place.to_bytes(_PLACE_BYTES, "big"))
        self._instances += len(result.things)
        return record

    def find_twins(self) -> None:
        """Note images that stand in two splits."""
        twins: list[tuple[int, int]] = []
        for _, entries in groupby(self._images, lambda entry: entry[:DIGEST_BYTES]):
            places = (int.from_bytes(entry[DIGEST_BYTES:], "big") for entry in entries)
            first = next(places)
            twins += ((place, first) for place in places if self._splits[place] != self._splits[first])
        sources = self._list.sources([place for pair in twins for place in pair])
        for place, first in sorted(twins):
            self._findings.fault(sources[place], f"is the same image as {sources[first]} in another split")

    def report(self) -> ImportReport:
        pairs, count = self._near_pairs() if self._compare else ([], 0)
        sources = self._list.sources([place for first, second, _ in pairs for place in (first, second)])
        return ImportReport(
            images=len(self._looks),
            instances=self._instances,
            not_taken=tuple(self._findings.not_taken),
            not_taken_count=dict(sorted(self._findings.counts.items())),
            near_duplicates=tuple(
                NearDuplicate(
                    first=sources[first],
                    second=sources[second],
                    first_split=str(self._splits[first]),
                    second_split=str(self._splits[second]),
                    distance_bits=bits,
                )
                for first, second, bits in pairs
            ),
            near_duplicate_count=count,
        )

    def _near_pairs(self) -> tuple[list[tuple[int, int, int]], int]:
        looks = np.frombuffer(self._looks, np.uint64)
        return near_pairs(looks, np.where(looks == _NO_LOOK, -1, self._splits.parts), limit=LISTED_MAX)


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
