"""What can be asked of datasets: the part of `server.application.Application` that needs no jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import nullcontext
from pathlib import Path

from contracts.dataset import AliasDescription, Deletion, VersionDescription
from contracts.erasure import ErasureReport
from contracts.frame import FrameRecord
from contracts.ids import Digest, VersionReference, check_name
from contracts.process import Progress
from contracts.statistics import VersionDiff, VersionStatistics
from registry.collection import collect_garbage
from registry.deletion import delete_version, list_deletions
from registry.erasure import erase_group, finish_erasures
from registry.formats.exporting import export_version
from registry.formats.registered import load_writer
from registry.label_maps.applied import classes_of
from registry.label_maps.shipped import resolve_label_map
from registry.naming import change_version, find_alias, list_aliases, move_alias, remove_alias, tagged
from registry.reader import Version
from registry.statistics.difference import compare_versions
from registry.statistics.difference_page import difference_page
from registry.statistics.page import statistics_page
from server.application_base import HomeCalls
from server.jobs.leftovers import collect_leftovers
from server.jobs.needs import training_runs
from server.paging import cursor_number, page_limit
from server.resources import (
    KEEP_DAYS,
    PAGE_SIZE,
    AliasTarget,
    AskedLabelMap,
    CollectionReport,
    DatasetSummary,
    ErasureRequest,
    ExportRequest,
    Page,
    PictureKind,
    VersionChange,
    VersionSummary,
)


class DatasetCalls(HomeCalls):
    """Datasets of one home."""

    def datasets(
        self, *, cursor: str | None = None, limit: int = PAGE_SIZE, tag: str | None = None
    ) -> Page[DatasetSummary]:
        catalog = self._parts.catalog()
        carrying = None if tag is None else set(tagged(catalog, tag))
        names = catalog.names() if carrying is None else sorted({item.name for item in carrying})
        names = [name for name in names if cursor is None or name > cursor]
        shown = names[: page_limit(limit)]
        following = shown[-1] if len(names) > len(shown) else None
        items = [self.dataset(name) for name in shown]
        if carrying is not None:
            items = [_with_versions(item, carrying) for item in items]
        return Page[DatasetSummary](items=items, next_cursor=following)

    def dataset(self, name: str) -> DatasetSummary:
        versions = self._parts.catalog().versions(check_name(name, "dataset name"))
        return DatasetSummary(
            name=name,
            versions=[
                VersionSummary(
                    version=item.version,
                    digest=item.digest,
                    created_at=item.created_at,
                    frame_count=item.frame_count,
                    description=item.description,
                    tags=item.tags,
                    aliases=item.aliases,
                )
                for item in versions
            ],
            latest=versions[-1],
            deletions=list_deletions(self._parts.catalog(), name),
        )

    def change_version(self, reference: VersionReference, change: VersionChange) -> VersionDescription:
        return change_version(
            self._parts.catalog(),
            reference,
            description=change.description,
            add_tags=change.add_tags,
            remove_tags=change.remove_tags,
        )

    def delete_version(self, reference: VersionReference, *, by: str = "", reason: str = "") -> Deletion:
        deletion = delete_version(
            self._parts.catalog(), reference, needed_by=self._runs_that_need, by=by, reason=reason
        )
        self._parts.forget(deletion.digest)
        return deletion

    def collect_garbage(self, *, dry_run: bool = False, keep_days: int = KEEP_DAYS) -> CollectionReport:
        roots = self._parts.needed_by_runs
        with nullcontext() if dry_run else self._parts.erasing():
            store, catalog = self._parts.store(), self._parts.catalog()
            if not dry_run:
                finish_erasures(store, catalog, roots=roots, forget=self._parts.forget_frames)
            found = collect_garbage(store, catalog, roots=roots, dry_run=dry_run)
        left = collect_leftovers(self._parts.table(), self._parts.places, keep_days=keep_days, dry_run=dry_run)
        return CollectionReport(
            dry_run=dry_run,
            blobs=found.blobs,
            freed=found.freed,
            freed_bytes=found.freed_bytes,
            jobs=left.jobs,
            jobs_bytes=left.bytes,
        )

    def erase(self, reference: VersionReference, request: ErasureRequest) -> ErasureReport:
        with nullcontext() if request.dry_run else self._parts.erasing():
            return erase_group(
                self._parts.store(),
                self._parts.catalog(),
                reference,
                request.group,
                roots=self._parts.needed_by_runs,
                needed_by=self._runs_made_of,
                forget=self._parts.forget_frames,
                by=request.by,
                reason=request.reason,
                dry_run=request.dry_run,
            )

    def _runs_made_of(self, digests: Collection[Digest]) -> list[str]:
        runs = training_runs(self._parts.table())
        return [f"training run {run}" for run, versions in runs if not set(digests).isdisjoint(versions.values())]

    def _runs_that_need(self, reference: VersionReference, digest: Digest) -> list[str]:
        runs = training_runs(self._parts.table())
        return [f"training run {run}" for run, versions in runs if versions.get(str(reference)) == digest]

    def statistics(self, reference: VersionReference, *, label_map: AskedLabelMap | None = None) -> VersionStatistics:
        found = self.statistics_within(None, reference, label_map=label_map)
        assert isinstance(found, VersionStatistics)
        return found

    def statistics_within(
        self, wait_s: float | None, reference: VersionReference, *, label_map: AskedLabelMap | None = None
    ) -> VersionStatistics | Progress:
        """As `statistics`, but after some seconds how far they are; they are counted on."""
        applied = resolve_label_map(label_map) if label_map is not None else None
        return self._parts.statistics().ask(self._version(reference), applied, wait_s=wait_s)

    def statistics_page(self, reference: VersionReference, *, label_map: AskedLabelMap | None = None) -> str:
        return statistics_page(str(reference), self.statistics(reference, label_map=label_map))

    def diff(
        self, reference: VersionReference, against: VersionReference, *, label_map: AskedLabelMap | None = None
    ) -> VersionDiff:
        found = self.diff_within(None, reference, against, label_map=label_map)
        assert isinstance(found, VersionDiff)
        return found

    def diff_within(
        self,
        wait_s: float | None,
        reference: VersionReference,
        against: VersionReference,
        *,
        label_map: AskedLabelMap | None = None,
    ) -> VersionDiff | Progress:
        """As `diff`, but after some seconds how far the statistics of both are; they are counted on."""
        versions = self._version(reference), self._version(against)
        applied = resolve_label_map(label_map) if label_map is not None else None
        for version in versions:
            classes_of(version.labels, applied)  # both fit, or nothing is read
        deadline = None if wait_s is None else time.monotonic() + wait_s
        statistics: list[VersionStatistics] = []
        for version in versions:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            found = self._parts.statistics().ask(version, applied, wait_s=left)
            if isinstance(found, Progress):
                return found
            statistics.append(found)
        return compare_versions(*versions, *statistics, self._parts.frame_index_folder)

    def diff_page(
        self, reference: VersionReference, against: VersionReference, *, label_map: AskedLabelMap | None = None
    ) -> str:
        found = self.diff(reference, against, label_map=label_map)
        statistics = [self.statistics(asked, label_map=label_map) for asked in (reference, against)]
        return difference_page(found, *statistics)

    def _version(self, reference: VersionReference) -> Version:
        catalog = self._parts.catalog()
        return Version(self._parts.store(), catalog.resolve(reference), catalog.manifest(reference), str(reference))

    def aliases(self, name: str) -> Page[AliasDescription]:
        return Page[AliasDescription](items=list_aliases(self._parts.catalog(), check_name(name, "dataset name")))

    def alias(self, name: str, alias: str) -> AliasDescription:
        return find_alias(self._parts.catalog(), check_name(name, "dataset name"), alias)

    def move_alias(self, name: str, alias: str, target: AliasTarget) -> AliasDescription:
        reference = VersionReference(check_name(name, "dataset name"), target.version)
        return move_alias(self._parts.catalog(), reference, alias, by=target.by, reason=target.reason)

    def remove_alias(self, name: str, alias: str, *, by: str = "", reason: str = "") -> AliasDescription:
        return remove_alias(self._parts.catalog(), check_name(name, "dataset name"), alias, by=by, reason=reason)

    def version(self, reference: VersionReference) -> VersionDescription:
        return self._parts.catalog().describe(reference)

    def frames(
        self,
        reference: VersionReference,
        *,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
        label: str | None = None,
        split: str | None = None,
    ) -> Page[FrameRecord]:
        start = cursor_number(cursor) or 0
        return self._parts.frames().page(reference, start=start, limit=page_limit(limit), label=label, split=split)

    def picture(self, reference: VersionReference, index: int, kind: PictureKind) -> bytes:
        return self._parts.frames().picture(reference, index, kind)

    def export(
        self,
        reference: VersionReference,
        request: ExportRequest,
        out: Path,
        *,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        label_map = resolve_label_map(request.label_map) if request.label_map is not None else None
        export_version(
            load_writer(request.format),
            self._version(reference),
            reference,
            out,
            label_map=label_map,
            on_progress=on_progress,
        )


def _with_versions(item: DatasetSummary, wanted: Collection[VersionReference]) -> DatasetSummary:
    shown = [version for version in item.versions if VersionReference(item.name, version.version) in wanted]
    return item.model_copy(update={"versions": shown})
