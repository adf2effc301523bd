"""Writes what is derived in the Unity project: schemas and self-test as C#, and a .meta file beside every asset.

`python scripts/unity_project.py` writes, `--check` only says what would change (exit 3). Part of `make schemas`.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contracts.document import Document
from contracts.frame import FrameSidecar
from contracts.frame_spec import FrameSpec
from contracts.schemas import export
from scripts import unity_self_test

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "unity_bridge" / "unity_project"
SCHEMA_CONSTANTS = {"FrameSpec": "frame-spec", "PlayerRequest": "player-request"}
"""Name in C# to document."""
SCHEMA_FILE = PROJECT / "Assets" / "Beltline" / "Core" / "Documents" / "SchemaTexts.cs"
GENERATED = PROJECT / "Assets" / "Beltline" / "Generated"
"""What the editor makes; it is in no repository, and its GUIDs are the editor's."""
SELF_TEST_FILE = PROJECT / "Assets" / "Beltline" / "Core" / "Render" / "SelfTestFrame.cs"
GUID_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://beltline.invalid/unity_project")
"""Of the names that the GUIDs of assets are derived from (RFC 9562, version 5)."""
LINE_WIDTH = 116
ANNOTATIONS = ("description", "title", "$schema", "discriminator")
"""Keywords of a schema that decide nothing."""
PROPERTIES = ("properties", "$defs")
OMITTED = "x-omittedDefault"
"""Our keyword for a member that is not written where it has its default (pydantic's `exclude_if`)."""

_IMPORTERS = {
    ".asmdef": ("AssemblyDefinitionImporter", ()),
    ".cs": (
        "MonoImporter",
        ("serializedVersion: 2", "defaultReferences: []", "executionOrder: 0", "icon: {instanceID: 0}"),
    ),
    ".hlsl": ("ShaderIncludeImporter", ()),
    ".shader": ("ShaderImporter", ("defaultTextures: []", "nonModifiableTextures: []")),
}


def guid_of(asset: Path) -> str:
    """GUID of an asset: it follows from the path in the project, so that it is the same wherever it is made."""
    return uuid.uuid5(GUID_NAMESPACE, asset.relative_to(PROJECT).as_posix()).hex


def assets() -> list[Path]:
    """Every file and folder under Assets/ that Unity gives a .meta file."""
    return [
        path
        for path in sorted((PROJECT / "Assets").rglob("*"))
        if path.suffix != ".meta"
        and not path.name.startswith(".")
        and not path.name.endswith("~")
        and not is_generated(path)
    ]


def is_generated(path: Path) -> bool:
    """Whether the editor makes an asset, or its .meta file."""
    return GENERATED in (path.with_suffix(""), *path.parents)


def meta_text(asset: Path) -> str:
    """Content of an asset's .meta file."""
    importer, settings = _IMPORTERS.get(asset.suffix, ("DefaultImporter", ()))
    lines = ["fileFormatVersion: 2", f"guid: {guid_of(asset)}"]
    if asset.is_dir():
        lines.append("folderAsset: yes")
    elif asset.suffix not in _IMPORTERS:
        raise SystemExit(f"{asset}: which importer takes this kind of file? Say so in {Path(__file__).name}")
    lines += [f"{importer}:", "  externalObjects: {}", *(f"  {setting}" for setting in settings)]
    return "\n".join([*lines, "  userData: ", "  assetBundleName: ", "  assetBundleVariant: "]) + "\n"


def schema_source() -> str:
    """C# constants with the schemas that a player reads by."""
    parts = [
        "// Written by scripts/unity_project.py from the contracts; `make schemas` writes it again.",
        "namespace Beltline.Core",
        "{",
        "    /// <summary>JSON Schemas of what a player receives, without their descriptions.</summary>",
        "    static class SchemaTexts",
        "    {",
    ]
    for number, (constant, document) in enumerate(SCHEMA_CONSTANTS.items()):
        body = "\n".join(_wrapped(_bare(_marked(export(document)), False)))
        parts += [""] * (number > 0) + [f'        public const string {constant} = @"', body.replace('"', '""') + '";']
    echoed = ", ".join(f'"{name}"' for name in FrameSidecar.model_fields if name in FrameSpec.model_fields)
    parts += [
        "",
        "        /// <summary>Members that a sidecar repeats from its spec.</summary>",
        f"        public static readonly string[] EchoedFields = {{ {echoed} }};",
    ]
    return "\n".join([*parts, "    }", "}"]) + "\n"


def _marked(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with a mark at every member that is left out where it has its default."""
    models = {model.__name__: model for model in Document.__subclasses__()}
    for definition in (schema, *schema.get("$defs", {}).values()):
        for name, field in models[definition["title"]].model_fields.items():
            omits = getattr(field, "exclude_if", None)
            if omits is not None and omits(field.default):
                definition["properties"][name][OMITTED] = True
    return schema


def _bare(value: Any, names: bool) -> Any:
    """A schema without annotations. `names`: keys are those of a document's fields, not keywords."""
    if isinstance(value, list):
        return [_bare(item, False) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: item if key == "default" and not names else _bare(item, key in PROPERTIES and not names)
        for key, item in value.items()
        if names or key not in ANNOTATIONS
    }


def _wrapped(value: Any) -> Iterator[str]:
    """Lines of compact JSON, broken where JSON allows it."""
    line = ""
    for piece in json.dumps(value, separators=(",\n", ":"), ensure_ascii=False).split("\n"):
        if line and len(line) + len(piece) > LINE_WIDTH:
            yield line
            line = ""
        line += piece
    yield line


def derived() -> dict[Path, str]:
    """Every derived file and what it holds."""
    texts = {SCHEMA_FILE: schema_source(), SELF_TEST_FILE: unity_self_test.constants()}
    paths = {*assets(), *texts}
    return texts | {path.with_name(path.name + ".meta"): meta_text(path) for path in sorted(paths)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 3 where a file is stale")
    options = parser.parse_args()
    wanted = derived()
    left = [
        path for path in sorted((PROJECT / "Assets").rglob("*.meta")) if path not in wanted and not is_generated(path)
    ]
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in [*stale, *left]:
        print(path.relative_to(ROOT))
    if options.check:
        return 3 if stale or left else 0
    for path in stale:
        path.write_text(wanted[path])
    for path in left:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
