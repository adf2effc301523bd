"""Makes the staged frames of a render batch a version: `python -m server.jobs.publish_worker ORDER.json`.

A process of its own, so that hashing thousands of files holds up neither the service nor the engine, and so that it can
be stopped at any moment: a version is visible as a whole or not at all, and publishing again completes it.
"""

from __future__ import annotations

import sys
from typing import Any

from registry.catalog import Catalog
from registry.publish import publish_batch
from registry.store import Store
from server.jobs.orders import PublishOrder
from server.jobs.own_process import OnProgress, carry_out


def publish(order: PublishOrder, on_progress: OnProgress) -> dict[str, Any]:
    """Publish, and say under which name."""
    with Catalog(order.catalog_url) as catalog:
        version = publish_batch(
            Store(order.store_url),
            catalog,
            name=order.name,
            staging=order.staging,
            generator=order.generator,
            seed=order.seed,
            frames=order.frames,
            gaps=order.gaps,
            operation=order.operation,
            on_progress=on_progress,
        )
    return {
        "dataset": f"{version.name}@{version.version}",
        "digest": version.digest,
        "frames": version.frame_count,
        "quality": version.quality.model_dump(mode="json"),
    }


if __name__ == "__main__":
    sys.exit(carry_out(PublishOrder, publish))
