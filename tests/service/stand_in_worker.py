"""A render worker for tests of the engine: it keeps the contract of `contracts/process.py`, and misbehaves on request.

The order's player arguments say how: `pause=S` for every frame; `die-at=I` (SIGKILL to itself before frame I), with
`once` only where no earlier attempt did; `fail-at=I`; `hang-at=I`; `deaf` to SIGTERM; `child` leaves a child behind;
`gap=I`.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from contracts.errors import FrameRejectedError
from contracts.frame import FrameRecord, GeneratorReference, Instance, PlayerIdentity
from contracts.ids import canonical_json, digest_of
from contracts.process import (
    PROGRESS_FILE,
    RESULT_FILE,
    Progress,
    write_atomically,
    write_document,
    write_error,
)
from contracts.shard import ShardOrder, ShardReport


def main() -> int:
    order = ShardOrder.model_validate_json(Path(sys.argv[1]).read_bytes())
    wishes = dict(word.partition("=")[::2] for word in order.player.arguments)
    workspace = Path(order.workspace)
    if "deaf" in wishes:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "child" in wishes:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (workspace / "child.pid").write_text(str(child.pid))
    # In one write: shards side by side share the log.
    print(f"shard from {order.first}, {order.count} frames\n", end="", flush=True)
    gaps = []
    for done, index in enumerate(order.frame_indices()):
        write_document(workspace / PROGRESS_FILE, Progress(done=done, total=order.count))
        if wishes.get("gap") == str(index):
            gaps.append(index)
            continue
        folder = Path(order.staging) / "frames" / f"{index:06d}"
        if (folder / "record.json").exists():
            continue
        _misbehave(wishes, index, workspace)
        if "fail-at" in wishes and wishes["fail-at"] == str(index):
            write_error(workspace, FrameRejectedError(f"frame {index} was rejected", hint="look at it"))
            return 1
        time.sleep(float(wishes.get("pause", "0")))
        _write_frame(order, index, folder)
    write_document(workspace / PROGRESS_FILE, Progress(done=order.count, total=order.count))
    report = ShardReport(
        frames=order.count - len(gaps),
        gaps=tuple(gaps),
        player_starts=1,
        assets=_assets(order),
        seconds=1.0,
        seconds_to_first_frame=0.5,
    )
    write_document(workspace / RESULT_FILE, report)
    return 0


def _assets(order: ShardOrder) -> dict[str, str]:
    return {str(index): digest_of(f"assets {index}".encode()) for index in order.indices}


def _misbehave(wishes: dict[str, str], index: int, workspace: Path) -> None:
    marker = workspace / "died"
    if wishes.get("die-at") == str(index) and not ("once" in wishes and marker.exists()):
        marker.touch()
        print("about to die", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if wishes.get("hang-at") == str(index):
        time.sleep(600)


def _write_frame(order: ShardOrder, index: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    size = order.generator.camera.size
    image = Image.new("RGB", size, (index % 256, order.seed % 256, 90))
    mask = Image.new("P", size, 0)
    mask.putpalette([0, 0, 0, 200, 60, 60])
    mask.paste(1, (2, 2, 6, 6))
    files = {}
    for role, picture in (("image", image), ("mask", mask)):
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        (folder / f"{role}.png").write_bytes(buffer.getvalue())
        files[role] = digest_of(buffer.getvalue())
    label = next(iter(order.generator.labels)) if index % 2 == 0 else list(order.generator.labels)[1]
    record = FrameRecord(
        index=index,
        seed=order.seed,
        generator=GeneratorReference(name=order.generator.name, digest=order.generator.digest()),
        spec_digest=digest_of(f"{order.seed} {index}".encode()),
        parameters={"view.azimuth_deg": float(index)},
        instances=(Instance(id=1, label=label, area_px=16, box=(2, 2, 4, 4), visible_fraction=1.0),),
        files=files,
        size=size,
        player=PlayerIdentity(name="stand-in", version="1"),
    )
    write_atomically(folder / "record.json", canonical_json(record))


if __name__ == "__main__":
    sys.exit(main())
