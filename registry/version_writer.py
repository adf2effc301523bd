"""Building a version: frames go into the store one by one, then the documents that describe them, the manifest last.

Nothing here makes a version visible: that is one transaction in the catalog. So a crash leaves blobs that nobody sees
and that the next try finds already stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from contracts.dataset import BlobReference, DatasetManifest, QualitySummary
from contracts.errors import ConfigurationError, IntegrityError
from contracts.frame import FileRole, FrameRecord, GeneratorReference
from contracts.frame_spec import Label
from contracts.generator import Generator
from contracts.ids import Digest, canonical_json, digest_of
from registry.canonical_lines import canonical_line
from registry.durable import storage_error
from registry.reader import open_version
from registry.spool import DigestTable, LineFile
from registry.store import Store
from registry.terms import inherited_terms


class VersionWriter:
    """Stores the frames of one version in their order.

    Used as a context manager around `add` for every frame and then `finish`.

    Args:
        store: Where the blobs go.
        hold: Whether a local store shows no blob before `finish`; else blobs appear in groups on the way.
    """

    def __init__(self, store: Store, *, hold: bool = False) -> None:
        self._store = store
        self._batch = store.batch(hold=hold)
        self._records: LineFile | None = None
        self._files: DigestTable | None = None
        self._count = 0
        self._splits: Counter[str] = Counter()
        self._rejections: Counter[str] = Counter()
        self._redrawn = 0

    def __enter__(self) -> VersionWriter:
        self._batch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._records is not None:
            self._records.close()
        self._batch.__exit__(kind, error, trace)

    def __len__(self) -> int:
        return self._count

    def scratch(self) -> Path:
        """A folder for lists in the making; it goes when the block ends.

        Raises:
            StorageError: It can't be made.
        """
        return self._batch.scratch()

    def add(self, record: FrameRecord, files: Mapping[FileRole, bytes], *, what: str) -> None:
        """Store a frame. Its index becomes its place in the version.

        Args:
            record: The frame; its digests are what the files must have.
            files: Bytes of every file the record names.
            what: What errors call the frame.

        Raises:
            IntegrityError: A file's bytes are not what the record says, or files and record name different roles.
            StorageError: The store refuses.
        """
        if files.keys() != record.files.keys():
            raise IntegrityError(
                f"{what}: the record names {sorted(record.files)}, but there are {sorted(files)}",
                hint="render the frame again",
            )
        for role, data in files.items():
            digest = digest_of(data)
            if digest != record.files[role]:
                raise IntegrityError(
                    f"{what}: {role} has digest {digest}, but the record says {record.files[role]}",
                    hint="the file changed after it was checked; delete the frame's folder and resume the batch",
                    context={"role": role, "digest": record.files[role], "found": digest},
                )
            self._batch.add(data, digest)
        if record.index != self._count:
            record = record.model_copy(update={"index": self._count})
        line = canonical_line(record.model_dump(mode="json"))
        try:
            if self._records is None or self._files is None:
                scratch = self._batch.scratch()
                self._records, self._files = LineFile(scratch / "frames.jsonl"), DigestTable(scratch)
            self._records.add(line)
            for role, data in files.items():
                self._files.add(record.files[role], len(data))
        except OSError as error:
            raise storage_error(error, f"write what is known of {what}") from error
        self._count += 1
        if record.split is not None:
            self._splits[record.split] += 1
        self._redrawn += record.attempt > 0
        self._rejections.update(record.checks)

    def finish(
        self,
        labels: tuple[Label, ...],
        *,
        generator: Generator | None = None,
        seed: int | None = None,
        gaps: tuple[int, ...] = (),
        parents: tuple[Digest, ...] = (),
        license_terms: str | None = None,
        consent: str | None = None,
    ) -> DatasetManifest:
        """Store the documents and the manifest; all is durable on return.

        Args:
            labels: Classes of the masks.
            generator: What made the frames.
            seed: Of the request.
            gaps: Frame indices of the request that are missing.
            parents: Manifests that this version was made of; it inherits their terms.
            license_terms: Terms of imported images.
            consent: What the people shown agreed to.

        Raises:
            ConfigurationError: There is no frame.
            IntegrityError: A parent is missing or damaged.
            StorageError: The store refuses.
        """
        if self._records is None or self._files is None:
            raise ConfigurationError(
                "a version needs at least one frame", code="empty_version", hint="nothing was published"
            )
        try:
            frames = self._put_lines(self._records)
            table = LineFile(self._batch.scratch() / "files")
            try:
                for line in self._files.lines():
                    table.add(line)
                files = self._put_lines(table)
            finally:
                table.close()
        except OSError as error:
            raise storage_error(error, "write the lists of frames and files") from error
        document = canonical_json(generator) if generator is not None else None
        manifest = DatasetManifest(
            labels=labels,
            frame_count=self._count,
            frames=frames,
            files=files,
            splits=dict(sorted(self._splits.items())),
            generator=GeneratorReference(name=generator.name, digest=digest_of(document))
            if generator is not None and document is not None
            else None,
            generator_document=self._put(document) if document is not None else None,
            seed=seed,
            parents=parents,
            quality=QualitySummary(
                frames=self._count,
                redrawn_frames=self._redrawn,
                rejections=dict(sorted(self._rejections.items())),
                gaps=gaps,
            ),
            license=license_terms,
            consent=consent,
            terms=inherited_terms((parent, open_version(self._store, parent).manifest) for parent in parents),
        )
        self._put(canonical_json(manifest))
        self._batch.flush()
        return manifest

    def _put(self, data: bytes) -> BlobReference:
        return BlobReference(digest=self._batch.add(data), size_bytes=len(data))

    def _put_lines(self, lines: LineFile) -> BlobReference:
        digest = lines.finish()
        self._batch.add_file(lines.path, digest, lines.size_bytes)
        return BlobReference(digest=digest, size_bytes=lines.size_bytes)
