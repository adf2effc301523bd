"""Import of photographs with masks of class ids: folders images/ and masks/ under each split's subfolder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from contracts.dataset import DatasetManifest, VersionDescription
from contracts.errors import ConfigurationError, NotFoundError
from contracts.frame import FrameRecord
from contracts.ids import Digest, check_name, digest_of
from registry.catalog import Catalog
from registry.durable import storage_error
from registry.formats.class_table import ClassTable, load_class_table
from registry.formats.mask_folders import Pair, find_pairs, load_groups
from registry.formats.photographs import MAXIMUM_FILE_BYTES, Refused, decode_image, decode_mask
from registry.formats.png import encode_indexed, encode_rgb
from registry.publication import publish_version
from registry.reader import OnProgress
from registry.splits import leaking_groups
from registry.store import Store
from registry.version_writer import VersionWriter

SHOWN_FAULTS = 20
"""Most faults that one error lists."""
_WORKERS = 4
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def import_masks(
    store: Store,
    catalog: Catalog,
    path: Path,
    *,
    name: str,
    classes: Path | None = None,
    groups: Path | None = None,
    splits: Mapping[str, str] | None = None,
    description: str = "",
    license_terms: str | None = None,
    consent: str | None = None,
    on_progress: OnProgress | None = None,
) -> VersionDescription:
    """Make a version of photographs and masks.

    Images are turned upright, stripped of EXIF and all other metadata, and stored as PNG; masks are stored with label
    ids (`load_class_table`). Instances stay empty: areas that touch are not told apart in a semantic mask. The folder
    is only read.

    Args:
        store: Where the blobs go.
        catalog: Where the version becomes visible.
        path: Folder with images/ and masks/, or with a subfolder of that kind for every split.
        name: The dataset.
        classes: Class table; `classes.json` in the folder when not given.
        groups: CSV of `file_name,group`; frames have no groups when not given.
        splits: Subfolder by name of split.
        description: For people.
        license_terms: Terms under which the images are used.
        consent: What the people shown agreed to.
        on_progress: Called with (images done, images).

    Raises:
        NotFoundError: The folder, one of its parts or a table is missing.
        ConfigurationError: A table is not valid, files do not fit (up to 20 are named), or a group or an image stands
            in two splits. Nothing was published.
        StorageError: The store refuses.
    """
    check_name(name, "dataset name")
    if not path.is_dir():
        raise NotFoundError(f"no folder {path}", code="no_such_folder", hint="check the path")
    root = path.resolve()
    table = load_class_table(classes if classes is not None else _default_table(root))

    def write() -> DatasetManifest:
        faults: list[str] = []
        pairs = find_pairs(root, splits or {}, load_groups(groups) if groups is not None else None, faults)
        seen: dict[Digest, Pair] = {}
        records: list[FrameRecord] = []
        with VersionWriter(store, hold=True) as writer:
            work = _in_parallel(lambda pair: _prepare(pair, table), pairs)
            for done, (pair, result) in enumerate(zip(pairs, work, strict=True), 1):
                if isinstance(result, Refusals):
                    faults += result.reasons
                else:
                    record = _record(pair, result)
                    twin = seen.setdefault(record.files["image"], pair)
                    if twin.split != pair.split:
                        faults.append(f"{pair.source}: is the same image as {twin.source} in another split")
                    records.append(record)
                    if not faults:
                        writer.add(record, {"image": result.image, "mask": result.mask}, what=pair.source)
                if on_progress is not None:
                    on_progress(done, len(pairs))
            _refuse_leaks(records)
            if faults:
                raise _refusal(root, faults)
            return writer.finish(table.labels, license_terms=license_terms, consent=consent)

    return publish_version(store, catalog, name, write, description=description)


@dataclass(frozen=True)
class Prepared:
    """A pair as it is stored."""

    image: bytes
    mask: bytes
    size: tuple[int, int]


@dataclass(frozen=True)
class Refusals:
    """Why a pair can't be taken."""

    reasons: list[str]


def _prepare(pair: Pair, table: ClassTable) -> Prepared | Refusals:
    faults: list[str] = []
    mask_name = f"{Path(pair.source).parent.parent.as_posix()}/masks/{pair.mask.name}".removeprefix("./")
    image = _attempt(faults, pair.source, lambda: decode_image(_read(pair.image)))
    mask = _attempt(faults, mask_name, lambda: decode_mask(_read(pair.mask)))
    if mask is not None:
        unknown = table.unknown_ids(mask)
        if unknown:
            faults.append(f"{mask_name}: ids {', '.join(map(str, unknown))} are not in the class table")
    if image is not None and mask is not None and image.shape[:2] != mask.shape:
        faults.append(
            f"{mask_name}: {mask.shape[1]}x{mask.shape[0]} px, but its upright image has "
            f"{image.shape[1]}x{image.shape[0]} px"
        )
    if faults or image is None or mask is None:
        return Refusals(faults)
    ids = table.lookup[mask].astype(np.uint8)
    return Prepared(encode_rgb(image), encode_indexed(ids, table.labels), (image.shape[1], image.shape[0]))


def _attempt(faults: list[str], where: str, action: Callable[[], _Result]) -> _Result | None:
    try:
        return action()
    except Refused as refusal:
        faults.append(f"{where}: {refusal}")
        return None


def _record(pair: Pair, prepared: Prepared) -> FrameRecord:
    return FrameRecord(
        index=0,
        files={"image": digest_of(prepared.image), "mask": digest_of(prepared.mask)},
        size=prepared.size,
        split=pair.split,
        group=pair.group,
        source=pair.source,
    )


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAXIMUM_FILE_BYTES:
            raise Refused(f"{size} bytes; at most {MAXIMUM_FILE_BYTES}")
        return path.read_bytes()
    except PermissionError:
        raise Refused("can't be read: permission denied") from None
    except OSError as error:
        raise storage_error(error, f"read {path}") from error


def _refuse_leaks(records: list[FrameRecord]) -> None:
    leaks = leaking_groups(records)
    if leaks:
        shown = [f"{group} ({', '.join(names)})" for group, names in list(leaks.items())[:SHOWN_FAULTS]]
        raise ConfigurationError(
            f"{len(leaks)} groups stand in more than one split: {'; '.join(shown)}",
            code="split_leak",
            hint="frames of one group must all be in one split, or what is measured on the other is flattered",
            context={"groups": list(leaks)[:1000]},
        )


def _refusal(root: Path, faults: list[str]) -> ConfigurationError:
    more = f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
    return ConfigurationError(
        f"{len(faults)} faults in {root}: {'; '.join(faults[:SHOWN_FAULTS])}{more}",
        code="import_refused",
        hint="mend or remove these files, then import again; nothing was imported",
        context={"errors": [dict(zip(("location", "message"), fault.split(": ", 1), strict=True)) for fault in faults]},
    )


def _default_table(root: Path) -> Path:
    path = root / "classes.json"
    if not path.is_file():
        raise ConfigurationError(
            f"no class table: {path} is not there", code="no_class_table", hint="name one with --classes FILE"
        )
    return path


def _in_parallel(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Results in the order of the items, a few at a time: decoding and encoding run outside the interpreter lock."""
    waiting: deque[Future[_Result]] = deque()
    rest = iter(items)
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            waiting.extend(pool.submit(work, item) for item in islice(rest, 2 * _WORKERS))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(rest, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()
