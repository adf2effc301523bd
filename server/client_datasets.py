"""Datasets of a running service: the part of `server.client.Client` that mirrors `server.application_datasets`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from contracts.dataset import AliasDescription, Deletion, VersionDescription
from contracts.erasure import ErasureReport
from contracts.errors import ConflictError
from contracts.frame import FrameRecord
from contracts.ids import VersionReference, canonical_json
from contracts.statistics import VersionDiff, VersionStatistics
from server.client_requests import SLOW_TIMEOUT_S, Requests, parse_answer, path_part, version_path
from server.resources import (
    KEEP_DAYS,
    PAGE_SIZE,
    AliasTarget,
    AskedLabelMap,
    CollectionReport,
    CollectionRequest,
    DatasetSummary,
    ErasureRequest,
    ExportRequest,
    Page,
    PictureKind,
    VersionChange,
)
from server.uploads import unpack


class DatasetRequests(Requests):
    """Datasets of a service."""

    def datasets(
        self, *, cursor: str | None = None, limit: int = PAGE_SIZE, tag: str | None = None
    ) -> Page[DatasetSummary]:
        return self.page("/v1/datasets", DatasetSummary, cursor, limit, tag=tag)

    def dataset(self, name: str) -> DatasetSummary:
        return self.get(f"/v1/datasets/{path_part(name)}", DatasetSummary)

    def version(self, reference: VersionReference) -> VersionDescription:
        return self.get(version_path(reference), VersionDescription)

    def change_version(self, reference: VersionReference, change: VersionChange) -> VersionDescription:
        return self.send("PATCH", version_path(reference), change, VersionDescription)

    def delete_version(self, reference: VersionReference, *, by: str = "", reason: str = "") -> Deletion:
        parameters = {"by": by, "reason": reason}
        return parse_answer(Deletion, self.request("DELETE", version_path(reference), params=parameters))

    def erase(self, reference: VersionReference, request: ErasureRequest) -> ErasureReport:
        return self.post(f"{version_path(reference)}:erase", request, ErasureReport, timeout_s=SLOW_TIMEOUT_S)

    def collect_garbage(self, *, dry_run: bool = False, keep_days: int = KEEP_DAYS) -> CollectionReport:
        request = CollectionRequest(dry_run=dry_run, keep_days=keep_days)
        return self.post("/v1/datasets:collect-garbage", request, CollectionReport, timeout_s=SLOW_TIMEOUT_S)

    def statistics(self, reference: VersionReference, *, label_map: AskedLabelMap | None = None) -> VersionStatistics:
        response = self.get_when_ready(f"{version_path(reference)}/stats", _mapped(label_map))
        return parse_answer(VersionStatistics, response)

    def statistics_page(self, reference: VersionReference, *, label_map: AskedLabelMap | None = None) -> str:
        return self.get_when_ready(f"{version_path(reference)}/stats/page", _mapped(label_map)).text

    def diff(
        self, reference: VersionReference, against: VersionReference, *, label_map: AskedLabelMap | None = None
    ) -> VersionDiff:
        parameters = {"against": str(against), **_mapped(label_map)}
        return parse_answer(VersionDiff, self.get_when_ready(f"{version_path(reference)}/diff", parameters))

    def diff_page(
        self, reference: VersionReference, against: VersionReference, *, label_map: AskedLabelMap | None = None
    ) -> str:
        parameters = {"against": str(against), **_mapped(label_map)}
        return self.get_when_ready(f"{version_path(reference)}/diff/page", parameters).text

    def aliases(self, name: str) -> Page[AliasDescription]:
        return self.get(f"/v1/datasets/{path_part(name)}/aliases", Page[AliasDescription])

    def alias(self, name: str, alias: str) -> AliasDescription:
        return self.get(_alias_path(name, alias), AliasDescription)

    def move_alias(self, name: str, alias: str, target: AliasTarget) -> AliasDescription:
        return self.send("PUT", _alias_path(name, alias), target, AliasDescription)

    def remove_alias(self, name: str, alias: str, *, by: str = "", reason: str = "") -> AliasDescription:
        parameters = {"by": by, "reason": reason}
        return parse_answer(AliasDescription, self.request("DELETE", _alias_path(name, alias), params=parameters))

    def frames(
        self,
        reference: VersionReference,
        *,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
        label: str | None = None,
        split: str | None = None,
    ) -> Page[FrameRecord]:
        path = f"{version_path(reference)}/frames"
        return self.page(path, FrameRecord, cursor, limit, label=label, split=split)

    def picture(self, reference: VersionReference, index: int, kind: PictureKind) -> bytes:
        return self.request("GET", f"{version_path(reference)}/frames/{index}/{kind}").content

    def export(
        self,
        reference: VersionReference,
        request: ExportRequest,
        out: Path,
        *,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ConflictError(
                f"{out} holds something", code="output_exists", hint="name a folder that is empty or new"
            )
        body = request.model_dump(mode="json")
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            archive = Path(folder) / "archive"
            self.download(f"{version_path(reference)}:export", body, archive)
            unpacked = unpack(archive, Path(folder) / "unpacked")
            if out.exists():
                out.rmdir()
            unpacked.rename(out)


def _mapped(label_map: AskedLabelMap | None) -> dict[str, str]:
    """The query parameter: a name, or a label map as JSON."""
    if label_map is None or isinstance(label_map, str):
        return {} if label_map is None else {"label_map": label_map}
    return {"label_map": canonical_json(label_map).decode()}


def _alias_path(name: str, alias: str) -> str:
    return f"/v1/datasets/{path_part(name)}/aliases/{path_part(alias)}"
