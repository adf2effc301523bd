"""From a request to a plan: everything that can be known to be wrong is said here, before anything is queued."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.camera import size_of
from contracts.document import validate
from contracts.errors import ConfigurationError
from contracts.generator import Generator, load_generator
from contracts.ids import NAME_PATTERN, VersionReference, check_name, new_id
from contracts.job import RenderBatchRequest
from contracts.lock import TraceRequest
from contracts.mix import DataSource
from contracts.run import TrainingSpec
from contracts.shard import PlayerCommand, ShardOrder
from registry.catalog import Catalog
from registry.formats.registered import FILE_FORMATS
from registry.label_maps.shipped import resolve_label_map
from registry.mixes import resolve_mix
from registry.splits import check_split, deal
from registry.terms import inherited_terms
from server.jobs.plans import ImportPlan, RenderPlan, TrainPlan, choose_workers, cut
from server.own_files import check_own_vehicles, keep_own_files
from server.resources import ImportRequest, ImportUpload, PreviewRequest
from server.settings import Settings

_BYTES_PER_PIXEL = 1.5
"""Least that image, masks and depth of a frame take, packed; published frames lie in staging and store."""
_CLASS_TABLE = "classes.json"
_NAME_LENGTH_MAX = 64
"""Characters that a safe name may have."""


def find_generator(
    settings: Settings,
    name: str,
    *,
    overrides: Mapping[str, Any] | None = None,
    size: tuple[int, int] | None = None,
) -> Generator:
    """A generator by name, or by path where paths are allowed, with changes; its own files are kept for the workers.

    Raises:
        NotFoundError: There is none, or an own file of it is not there.
        ConfigurationError: Invalid, by itself or with the changes.
        StorageError: The disk takes no more files.
    """
    if not settings.allow_paths:
        check_name(name, "generator name")
    own: dict[str, Path] = {}
    generator = load_generator(
        name,
        settings.generators,
        overrides=overrides,
        size=size,
        allow_paths=settings.allow_paths,
        found=own.__setitem__,
    )
    check_own_vehicles(generator, own)
    keep_own_files(own, settings.assets)
    return generator


def plan_render(settings: Settings, request: RenderBatchRequest) -> RenderPlan:
    """A render batch, resolved and cut into shards.

    Raises:
        NotFoundError: Unknown generator.
        ConfigurationError: Unknown player, override path or size, or more than the disk can hold.
    """
    generator = find_generator(settings, request.generator, overrides=request.overrides, size=size_of(request.size))
    player = _player(settings, request.player)
    workers = request.workers or choose_workers(request.frames, settings.workers)
    _check_space(settings, generator, request.frames)
    return RenderPlan(
        generator=generator,
        seed=request.seed,
        frames=request.frames,
        shards=cut(request.frames, workers),
        player=player,
        bridge=settings.bridge,
        dataset=request.dataset or generator.name,
        allow_gaps=request.allow_gaps,
    )


def plan_preview(settings: Settings, name: str, request: PreviewRequest, workspace: Path) -> ShardOrder:
    """A shard of one frame.

    Raises:
        NotFoundError: Unknown generator.
        ConfigurationError: Unknown player, override path or size.
    """
    return _order(settings, name, request, workspace, first=request.frame, count=1)


def plan_trace(settings: Settings, name: str, request: TraceRequest, workspace: Path) -> ShardOrder:
    """A shard of single frames.

    Raises:
        NotFoundError: Unknown generator.
        ConfigurationError: Unknown player, override path or size.
    """
    indices = tuple(dict.fromkeys(request.frames))
    return _order(settings, name, request, workspace, first=0, count=max(1, len(indices)), indices=indices)


def in_workspace(order: ShardOrder, workspace: Path) -> ShardOrder:
    """The order carried out in another folder."""
    return order.model_copy(update={"workspace": str(workspace), "staging": str(workspace / "staging")})


def _order(
    settings: Settings, name: str, request: PreviewRequest | TraceRequest, workspace: Path, **frames: Any
) -> ShardOrder:
    return ShardOrder(
        generator=find_generator(settings, name, overrides=request.overrides, size=size_of(request.size)),
        seed=request.seed,
        player=_player(settings, request.player),
        bridge=settings.bridge,
        staging=str(workspace / "staging"),
        assets=str(settings.assets),
        workspace=str(workspace),
        **frames,
    )


def plan_import(settings: Settings, request: ImportRequest) -> ImportPlan:
    """An import from a folder of this machine.

    Raises:
        NotFoundError: Nothing lies at a path.
        ConfigurationError: A path outside the allowed roots, or no folder.
    """
    path = _importable(settings, request.path)
    if not path.is_dir() and not (request.format in FILE_FORMATS and path.is_file()):
        raise ConfigurationError(f"'{request.path}' is not a folder", code="not_a_folder", hint="name the folder")
    root = path if path.is_dir() else path.parent
    for split, folder in request.splits.items():
        place = _importable(settings, str(root / folder))
        if not place.is_relative_to(root):
            raise ConfigurationError(
                f"splits.{split}: '{folder}' leads out of the imported folder",
                code="path_not_allowed",
                hint="name a subfolder",
            )
        if not place.is_dir() and not (request.format in FILE_FORMATS and place.is_file()):
            raise ConfigurationError(
                f"splits.{split}: '{folder}' is not a folder", code="not_a_folder", hint="name a subfolder"
            )
    images = _importable(settings, str(root / request.images)) if request.images is not None else None
    if images is not None and not images.is_dir():
        raise ConfigurationError(
            f"images: '{request.images}' is not a folder", code="not_a_folder", hint="name the folder of the images"
        )
    table = request.classes or (_CLASS_TABLE if request.format == "masks" else None)
    return _import_plan(
        request,
        path=str(path),
        classes=str(_table(settings, root, table, "classes")) if table is not None else None,
        groups=str(_table(settings, root, request.groups, "groups")) if request.groups is not None else None,
        images=str(images) if images is not None else None,
    )


def plan_upload(request: ImportUpload, archive: Path) -> ImportPlan:
    """An import of an uploaded archive; paths in the request start in it, and are looked for once it is unpacked.

    Raises:
        ConfigurationError: The shares can't be dealt.
    """
    return _import_plan(
        request,
        path=None,
        archive=str(archive),
        classes=request.classes,
        groups=request.groups,
        images=request.images,
    )


def _import_plan(request: ImportUpload, **places: Any) -> ImportPlan:
    return ImportPlan(
        format=request.format,
        name=request.name,
        splits=dict(request.splits),
        shares=_checked_shares(request),
        seed=request.seed,
        license=request.license,
        consent=request.consent,
        keep_metadata=tuple(request.keep_metadata),
        description=request.description,
        **places,
    )


def _checked_shares(request: ImportUpload) -> dict[str, float]:
    """The shares of an import, if they can be dealt.

    Raises:
        ConfigurationError: They are not together 1, or splits are named as well.
    """
    if request.shares and request.splits:
        raise ConfigurationError(
            "splits and shares are both given", code="invalid_split", hint="name subfolders, or deal out by shares"
        )
    if request.shares:
        deal([None], request.shares, request.seed)
    return dict(request.shares)


def check_weights(settings: Settings, spec: TrainingSpec) -> None:
    """Refuse paths of weights where paths are not allowed."""
    network = spec.network
    if settings.allow_paths:
        return
    for field, weights in (("encoder_weights", network.encoder_weights), ("weights", network.weights)):
        if weights is not None and (field == "weights" or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", weights)):
            raise ConfigurationError(
                f"network.{field}: '{weights}' is a path",
                code="path_not_allowed",
                hint="over REST, weights are named, such as encoder_weights: imagenet",
            )


def plan_training(settings: Settings, catalog: Catalog, spec: TrainingSpec) -> TrainPlan:
    """A training run whose every name is resolved.

    Raises:
        NotFoundError: Unknown dataset version, split or label map.
        ConfigurationError: The label map names none of a version's labels, or the spec names a path it may not.
    """
    check_weights(settings, spec)
    spec = _with_mix(catalog, spec)
    label_map = resolve_label_map(spec.label_map)
    if spec.augmentation.horizontal_flip:
        label_map.mirrored_ids()
    versions: dict[str, str] = {}
    for place, source in _sources(spec):
        described = catalog.describe(VersionReference.parse(source.dataset))
        check_split(f"{place}.split: {source.dataset}", source.split, described.splits)
        label_map.lookup(described.labels)
        versions[source.dataset] = described.digest
    terms = inherited_terms((digest, catalog.manifest(reference)) for reference, digest in versions.items())
    return TrainPlan(run=_run_id(spec), spec=spec, label_map=label_map, versions=versions, terms=terms)


def _with_mix(catalog: Catalog, spec: TrainingSpec) -> TrainingSpec:
    """The run with the sources of its mix in its place."""
    if spec.data.mix is None:
        return spec
    value = spec.model_copy(update={"data": resolve_mix(catalog, spec.data)}).model_dump(mode="json")
    return validate(TrainingSpec, value, source="training run")


def _player(settings: Settings, name: str) -> PlayerCommand:
    """The player that a request means; what it is worth is seen when it is launched."""
    player = settings.player(name)
    if player.path is None:
        return player
    path = Path(player.path)
    if not path.is_file():
        raise ConfigurationError(
            f"player '{name}': there is no file {path}", code="player_not_found", hint="check its path in the settings"
        )
    if not os.access(path, os.X_OK):
        raise ConfigurationError(
            f"player '{name}': {path} is not executable", code="player_not_executable", hint=f"chmod +x {path}"
        )
    return player


def _check_space(settings: Settings, generator: Generator, frames: int) -> None:
    width, height = generator.camera.size
    needed = int(frames * width * height * _BYTES_PER_PIXEL)
    free = shutil.disk_usage(settings.home).free
    if needed + settings.free_bytes_min > free:
        raise ConfigurationError(
            f"{frames} frames of {width}x{height} take at least {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB "
            "are free",
            code="no_space",
            hint="ask for fewer or smaller frames, or free disk space",
            context={"needed_bytes": needed, "free_bytes": free},
        )


def _importable(settings: Settings, text: str) -> Path:
    """`Settings.importable`, for texts that no file system takes for a path too."""
    try:
        return settings.importable(text)
    except (ValueError, OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"{text[:80]!r} is not a path: {error}", code="invalid_path", hint="name a folder or file"
        ) from None


def _table(settings: Settings, root: Path, text: str, what: str) -> Path:
    path = _importable(settings, str(root / text))
    if not path.is_file():
        raise ConfigurationError(f"{what}: '{text}' is not a file", code="not_a_file", hint="check the path")
    return path


def _sources(spec: TrainingSpec) -> list[tuple[str, DataSource]]:
    training = [(f"data.train.{number}", source) for number, source in enumerate(spec.data.train)]
    return [*training, ("data.validation", spec.data.validation), ("data.test", spec.data.test)]


def _run_id(spec: TrainingSpec) -> str:
    fresh = new_id("run")
    if spec.name is None:
        return fresh
    token = fresh.removeprefix("run-")
    stem = spec.name[: _NAME_LENGTH_MAX - len(token) - 1]
    return check_name(f"{stem}-{token}") if re.fullmatch(NAME_PATTERN, f"{stem}-{token}") else fresh
