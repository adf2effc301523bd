"""Changing a plain document before it is validated: deep merge, and values by dotted path."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from contracts.document import read_yaml
from contracts.errors import ConfigurationError, nearest


def merge(base: Any, change: Any) -> Any:
    """`base` with `change` laid over it: mappings merge key by key, everything else is replaced.

    A mapping that names another `kind`, or that is a distribution (one key), replaces what stood there; null takes it
    out.
    """
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return copy.deepcopy(change)
    if "kind" in change and change["kind"] != base.get("kind"):
        return copy.deepcopy(change)
    if len(base) == 1 and len(change) == 1 and base.keys() != change.keys() and _is_distribution(base):
        return copy.deepcopy(change)
    result = dict(base)
    for key, item in change.items():
        if item is None:
            result.pop(key, None)
        else:
            result[key] = merge(base[key], item) if key in base else copy.deepcopy(item)
    if _is_distribution(base) and _is_distribution(change):
        return copy.deepcopy(change)
    return result


def apply_overrides(document: Any, overrides: Mapping[str, Any]) -> Any:
    """A copy of `document` with values set by dotted path; list places are numbers, as in `data.train.0.take`.

    Raises:
        ConfigurationError: A path leads through something that is not there.
    """
    result = copy.deepcopy(document)
    for path, value in overrides.items():
        _set(result, path, value)
    return result


def parse_overrides(texts: list[str]) -> dict[str, Any]:
    """Values by dotted path from `path=value` texts, as `--set` takes them; the value is YAML.

    Raises:
        ConfigurationError: A text has no `=`, its value is not YAML, or two name one path.
    """
    overrides: dict[str, Any] = {}
    for text in texts:
        path, separator, value = text.partition("=")
        path = path.strip()
        if not separator or not path:
            raise ConfigurationError(
                f"--set '{text}': write path=value",
                code="invalid_override",
                hint="such as --set camera.size=[128,128]",
            )
        if path in overrides:
            raise ConfigurationError(
                f"--set: '{path}' is given twice", code="invalid_override", hint="keep one of them"
            )
        overrides[path] = read_yaml(value, f"--set {path}")[0]
    return overrides


_DISTRIBUTIONS = {"uniform", "log_uniform", "normal", "integers", "choice"}


def _is_distribution(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)) in _DISTRIBUTIONS


def _set(document: Any, path: str, value: Any) -> None:
    parts = path.split(".")
    here = document
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(here, list):
            if not part.isdigit() or int(part) >= len(here):
                raise _unknown(path, parts[: depth + 1], [str(index) for index in range(len(here))])
            if last:
                here[int(part)] = value
            else:
                here = here[int(part)]
        elif isinstance(here, dict):
            if last:
                here[part] = value
            elif part not in here:
                # What is optional may be opened by an override, one level deep; validation names misspelt fields.
                if depth == len(parts) - 2 and depth == 0:
                    here[part] = {}
                    here = here[part]
                else:
                    raise _unknown(path, parts[: depth + 1], [str(key) for key in here])
            else:
                here = here[part]
        else:
            raise _unknown(path, parts[: depth + 1], [])


def _unknown(path: str, prefix: list[str], valid: list[str]) -> ConfigurationError:
    place = ".".join(prefix)
    return ConfigurationError(
        f"override '{path}': there is no '{place}'",
        code="unknown_override",
        hint=nearest(prefix[-1], valid),
        context={"errors": [{"location": path, "message": f"there is no '{place}'"}]},
    )
