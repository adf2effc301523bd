"""Makes a version of real images: `python -m server.jobs.import_worker ORDER.json`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from contracts.errors import ConfigurationError, NotFoundError
from registry.catalog import Catalog
from registry.formats.registered import load_importer
from registry.store import Store
from server.jobs.orders import ImportOrder
from server.jobs.own_process import OnProgress, carry_out
from server.uploads import unpack


def import_images(order: ImportOrder, on_progress: OnProgress) -> dict[str, Any]:
    """Import, and say under which name."""
    plan = order.plan
    if plan.archive is not None:
        root = unpack(Path(plan.archive), Path(order.workspace) / "unpacked")
    else:
        root = Path(plan.path or "")
    with Catalog(order.catalog_url) as catalog:
        version = load_importer(plan.format)(
            Store(order.store_url),
            catalog,
            root,
            name=plan.name,
            classes=_inside(root, plan.classes, plan.archive is not None),
            groups=_inside(root, plan.groups, plan.archive is not None),
            splits=plan.splits,
            description=plan.description,
            license_terms=plan.license,
            consent=plan.consent,
            on_progress=on_progress,
        )
    return {
        "dataset": f"{version.name}@{version.version}",
        "digest": version.digest,
        "frames": version.frame_count,
        "splits": version.splits,
    }


def _inside(root: Path, text: str | None, confined: bool) -> Path | None:
    """A table's path; of an uploaded archive it lies within."""
    if text is None:
        return None
    path = (root / text).resolve()
    if confined and not path.is_relative_to(root.resolve()):
        raise ConfigurationError(f"'{text}' leads out of the archive", code="path_not_allowed")
    if not path.is_file():
        raise NotFoundError(f"no file '{text}'", code="import_not_found", hint="paths start at the imported folder")
    return path


if __name__ == "__main__":
    sys.exit(carry_out(ImportOrder, import_images))
