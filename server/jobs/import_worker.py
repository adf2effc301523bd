"""Makes a version of real images: `python -m server.jobs.import_worker ORDER.json`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from contracts.errors import ConfigurationError, NotFoundError
from contracts.import_report import ImportReport
from registry.catalog import Catalog
from registry.formats.importing import import_dataset
from registry.formats.registered import load_opener
from registry.store import Store
from server.jobs.orders import ImportOrder
from server.jobs.own_process import OnProgress, carry_out
from server.uploads import unpack


def import_images(order: ImportOrder, on_progress: OnProgress) -> dict[str, Any]:
    """Import, and say under which name, and what was not taken."""
    plan = order.plan
    if plan.archive is not None:
        named = [*plan.splits.values(), *([plan.images] if plan.images is not None else [])]
        path = unpack(Path(plan.archive), Path(order.workspace) / "unpacked", named=named)
    else:
        path = Path(plan.path or "")
    confined = plan.archive is not None
    root = path if path.is_dir() else path.parent
    reports: list[ImportReport] = []
    with Catalog(order.catalog_url) as catalog:
        version = import_dataset(
            load_opener(plan.format),
            Store(order.store_url),
            catalog,
            path,
            name=plan.name,
            images=_inside(root, plan.images, confined, is_folder=True),
            classes=_inside(root, plan.classes, confined),
            groups=_inside(root, plan.groups, confined),
            splits=plan.splits,
            shares=plan.shares,
            seed=plan.seed,
            description=plan.description,
            license_terms=plan.license,
            consent=plan.consent,
            keep_metadata=plan.keep_metadata,
            on_progress=on_progress,
            on_report=reports.append,
        )
    return {
        "dataset": f"{version.name}@{version.version}",
        "digest": version.digest,
        "frames": version.frame_count,
        "splits": version.splits,
        "report": reports[-1].model_dump(mode="json"),
    }


def _inside(root: Path, text: str | None, confined: bool, *, is_folder: bool = False) -> Path | None:
    """The path of a table or of a folder of images; of an uploaded archive it lies within."""
    if text is None:
        return None
    path = (root / text).resolve()
    if confined and not path.is_relative_to(root.resolve()):
        raise ConfigurationError(f"'{text}' leads out of the archive", code="path_not_allowed")
    if not (path.is_dir() if is_folder else path.is_file()):
        what = "folder" if is_folder else "file"
        raise NotFoundError(f"no {what} '{text}'", code="import_not_found", hint="paths start at the imported folder")
    return path


if __name__ == "__main__":
    sys.exit(carry_out(ImportOrder, import_images))
