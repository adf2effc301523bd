"""Reading a study: by name or path, with what it extends and the base run that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.document import is_path, read_file, read_yaml, validate
from contracts.errors import ConfigurationError, NotFoundError, nearest
from contracts.overrides import apply_overrides, merge
from contracts.study import Study

_MAXIMUM_ANCESTORS = 8


def study_names(folder: Path) -> list[str]:
    """Names of the studies in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_study(name_or_path: str, folder: Path, *, overrides: Mapping[str, Any] | None = None) -> Study:
    """Read, merge and validate a study; its base run is put in place of its path.

    Args:
        name_or_path: A name in `folder`, or a path that ends in .yaml or .yml.
        folder: Where named studies lie.
        overrides: Values by dotted path, such as `{"datasets.photographs": "photos@2"}`.

    Raises:
        NotFoundError: No such study, parent or base run.
        ConfigurationError: Invalid, with line and field.
    """
    path = _locate(name_or_path, folder)
    value, lines = read_yaml(read_file(path), str(path))
    return _resolved(value, lines, folder, source=str(path), beside=path.parent, overrides=overrides or {})


def resolve_study(
    value: Mapping[str, Any], folder: Path, *, source: str = "request", beside: Path | None = None, lines: Any = None
) -> Study:
    """Merge and validate a study that does not lie in a named file.

    Args:
        value: The document; it may extend a study.
        folder: Where named studies lie.
        source: What an error calls the document.
        beside: Folder in which the base run's path starts; none: the document holds its base run itself.
        lines: Line numbers from `read_yaml`.

    Raises:
        NotFoundError: It extends a study that there is not, or there is no such base run.
        ConfigurationError: Invalid.
    """
    return _resolved(dict(value), lines, folder, source=source, beside=beside, overrides={})


def _resolved(
    value: Any,
    lines: Any,
    folder: Path,
    *,
    source: str,
    beside: Path | None,
    overrides: Mapping[str, Any],
) -> Study:
    merged = _with_ancestors(_with_base(value, beside, source), source, folder, beside, ())
    if overrides:
        merged = apply_overrides(merged, overrides)
    return validate(Study, merged, source=source, lines=lines)


def _locate(name_or_path: str, folder: Path) -> Path:
    if is_path(name_or_path):
        return Path(name_or_path)
    path = folder / f"{name_or_path}.yaml"
    if path.is_file():
        return path
    raise NotFoundError(
        f"no study '{name_or_path}'", code="unknown_study", hint=nearest(name_or_path, study_names(folder))
    )


def _with_ancestors(value: Any, source: str, folder: Path, beside: Path | None, seen: tuple[str, ...]) -> Any:
    """Merge what `extends` names under `value`."""
    if not isinstance(value, dict) or "extends" not in value:
        return value
    parent = value["extends"]
    if not isinstance(parent, str):
        raise ConfigurationError(f"{source}: extends: name one study")
    if parent in seen or len(seen) >= _MAXIMUM_ANCESTORS:
        raise ConfigurationError(f"{source}: extends: circle through '{parent}'")
    own = beside if beside is not None and (beside / f"{parent}.yaml").is_file() else folder
    path = _locate(parent.removesuffix(".yaml").replace("/", ""), own)
    base, _ = read_yaml(read_file(path), str(path))
    base = _with_ancestors(_with_base(base, path.parent, str(path)), str(path), folder, path.parent, (*seen, parent))
    return merge(base, {key: item for key, item in value.items() if key != "extends"})


def _with_base(value: Any, beside: Path | None, source: str) -> Any:
    """Put the base run in place of its path, which starts at the study's folder, or else at the current one."""
    named = value.get("base") if isinstance(value, dict) else None
    if not isinstance(named, str):
        return value
    if beside is None:
        raise ConfigurationError(
            f"{source}: base: '{named}' is a path", code="path_not_allowed", hint="put the training document there"
        )
    path = beside / named if (beside / named).is_file() else Path(named)
    base, _ = read_yaml(read_file(path), str(path))
    return {**value, "base": base}
