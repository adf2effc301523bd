"""The Unity project as files: what can be said of it without an editor."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from contracts.player_protocol import CHANNEL_ID, PROTOCOL_VERSION
from scripts import unity_project

PROJECT = unity_project.PROJECT
ASSETS = PROJECT / "Assets"
PACKAGES = {
    "com.unity.cloud.gltfast": "6.19.0",
    "com.unity.ml-agents": "4.0.3",
    "com.unity.modules.assetbundle": "1.0.0",
    "com.unity.modules.imageconversion": "1.0.0",
    "com.unity.modules.physics": "1.0.0",
    "com.unity.render-pipelines.high-definition": "17.3.0",
}
PACKAGE_ASSEMBLIES = {
    "glTFast",
    "Unity.ML-Agents",
    "Unity.RenderPipelines.Core.Runtime",
    "Unity.RenderPipelines.HighDefinition.Runtime",
}
"""Assemblies that the packages give, for references of ours."""


def assembly_definitions() -> dict[str, dict]:
    """Our assemblies by name."""
    read = [json.loads(path.read_text()) for path in ASSETS.rglob("*.asmdef")]
    return {item["name"]: item for item in read}


def test_every_derived_file_is_current() -> None:
    """Schemas in C# and .meta files follow from contracts and paths; `make schemas` writes them."""
    wanted = unity_project.derived()
    stale = [str(path) for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    assert not stale, "run make schemas"
    kept = {path for path in ASSETS.rglob("*.meta") if not unity_project.is_generated(path)}
    assert kept == {path for path in wanted if path.suffix == ".meta"}


def test_every_asset_has_a_guid_of_its_own() -> None:
    """Two assets of one GUID, or one that Unity would give another GUID on each machine, break every reference."""
    guids: dict[str, Path] = {}
    for asset in unity_project.assets():
        found = re.search(r"^guid: ([0-9a-f]{32})$", Path(f"{asset}.meta").read_text(), re.MULTILINE)
        assert found, asset
        assert guids.setdefault(found[1], asset) == asset
    assert len(guids) == len(unity_project.assets()) > 20


def test_editor_and_packages_are_pinned() -> None:
    assert json.loads((PROJECT / "Packages" / "manifest.json").read_text()) == {"dependencies": PACKAGES}
    version = (PROJECT / "ProjectSettings" / "ProjectVersion.txt").read_text()
    assert re.fullmatch(r"m_EditorVersion: 6000\.3\.\d+f1\n", version)


@pytest.mark.parametrize("path", sorted((PROJECT / "ProjectSettings").glob("*.asset")), ids=lambda path: path.name)
def test_settings_are_text(path: Path) -> None:
    """One YAML document under Unity's tag, so that changes can be read."""
    lines = path.read_text().splitlines()
    assert lines[:2] == ["%YAML 1.1", "%TAG !u! tag:unity3d.com,2011:"]
    assert re.fullmatch(r"--- !u!\d+ &1", lines[2])
    (name,) = yaml.safe_load("\n".join(lines[3:]))
    assert name in {path.stem, "PlayerSettings"}


def test_assemblies_refer_to_what_there_is() -> None:
    own = assembly_definitions()
    for name, definition in own.items():
        assert set(definition["references"]) <= {*own, *PACKAGE_ASSEMBLIES}, name
    for path in ASSETS.rglob("*.cs"):
        assert any(list(folder.glob("*.asmdef")) for folder in path.parents), f"{path} is in no assembly of ours"


def test_the_core_knows_no_engine() -> None:
    """Only then can it be run, and tested, without one."""
    core = assembly_definitions()["Beltline.Core"]
    assert core["noEngineReferences"]
    assert core["references"] == []
    for path in (ASSETS / "Beltline" / "Core").rglob("*.cs"):
        for namespace in re.findall(r"^using ([\w.]+);", path.read_text(), re.MULTILINE):
            assert namespace.split(".")[0] == "System", path


def test_both_sides_agree_on_channel_and_protocol() -> None:
    messages = (ASSETS / "Beltline" / "Core" / "Documents" / "Messages.cs").read_text()
    assert f'new Guid("{CHANNEL_ID}")' in messages
    assert f"ProtocolVersion = {PROTOCOL_VERSION};" in messages


def test_sources_stay_short() -> None:
    """As modules do in Python."""
    for path in ASSETS.rglob("*.cs"):
        assert len(path.read_text().splitlines()) < 400, path
