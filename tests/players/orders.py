"""Orders for render workers, as the service writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contracts.generator import Generator
from contracts.shard import BridgeSettings, PlayerCommand, ShardOrder


def write_order(
    folder: Path,
    generator: Generator,
    count: int,
    *,
    player: PlayerCommand | None = None,
    bridge: BridgeSettings | None = None,
    seed: int = 3,
    first: int = 0,
    **changes: Any,
) -> Path:
    """Write an order whose staging, assets and workspace lie in `folder`; the path of its file. No player is the
    embedded one."""
    folder.mkdir(parents=True, exist_ok=True)
    order = ShardOrder(
        generator=generator,
        seed=seed,
        first=first,
        count=count,
        player=player or PlayerCommand(name="embedded"),
        bridge=bridge or BridgeSettings(),
        staging=str(folder / "staging"),
        assets=str(folder / "assets"),
        workspace=str(folder / "workspace"),
        **changes,
    )
    path = folder / "order.json"
    path.write_text(order.model_dump_json())
    return path
