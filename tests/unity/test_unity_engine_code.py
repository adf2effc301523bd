"""The engine-facing half of the Unity player against stubs of Unity's API: it compiles, and uses what they declare.

What stubs can't say stays unsaid here: what the engine does. docs/unity.md lists it.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.unity import mono_core

SHADER = mono_core.SOURCES / "Runtime" / "Shaders" / "Ids.shader"
PAGE = re.compile(r'\[Page\("([^"]*)", "([^"]*)"\)\]')
PLACES = {"engine", "render-pipelines.core", "render-pipelines.high-definition", "ml-agents", "cloud.gltfast"}
"""Unity's scripting reference, and packages of the manifest."""


@pytest.fixture(scope="module")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stubs and what is compiled against them, warnings being errors."""
    reason = mono_core.missing()
    if reason:
        pytest.skip(reason)
    return mono_core.build_against_stubs(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def inspected(assemblies: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the inspector has to say of the stubs, a finding a line."""
    program = tmp_path_factory.mktemp("inspector") / "inspector.exe"
    mono_core.compile_sources([*mono_core.MCS, f"-out:{program}"], mono_core.INSPECTOR)
    stubs, users = ("UnityStubs", "EditorStubs"), ("Beltline.Runtime", "Beltline.Editor")
    command = ["mono", program, *(assemblies[name] for name in stubs), "-", *(assemblies[name] for name in users)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()


def engine_sources() -> str:
    """Text of everything that faces the engine."""
    folders = (mono_core.SOURCES / "Runtime", mono_core.SOURCES / "Editor")
    return "\n".join(path.read_text() for folder in folders for path in sorted(folder.rglob("*.cs")))


def test_stubs_declare_nothing_that_is_not_used(inspected: list[str]) -> None:
    """A signature that nobody needs is one that nobody has looked up."""
    assert [line for line in inspected if line.startswith("unused")] == []
    values = [line.removeprefix("value ") for line in inspected if line.startswith("value")]
    text = engine_sources() + "\n".join(path.read_text() for path in mono_core.STUBS.rglob("*.cs"))
    assert len(values) > 20
    assert [value for value in values if not re.search(rf"\b{re.escape(value)}\b", text)] == []


def test_every_signature_names_its_page(inspected: list[str]) -> None:
    assert [line for line in inspected if line.startswith("undocumented")] == []
    pages = {match.groups() for path in mono_core.STUBS.rglob("*.cs") for match in PAGE.finditer(path.read_text())}
    assert len(pages) > 150
    assert {place for place, _ in pages} == PLACES
    for place, page in pages:
        assert re.fullmatch(r"[A-Za-z][\w.-]+", page), page
        if place != "engine":
            namespace = {"ml-agents": "Unity.MLAgents.", "cloud.gltfast": "GLTFast."}.get(
                place, "UnityEngine.Rendering."
            )
            assert page.startswith(namespace)


def test_a_mistake_in_the_use_of_the_engine_does_not_compile(assemblies: dict[str, Path], tmp_path: Path) -> None:
    """What the stubs are for: calls as the engine does not have them."""
    references = [f"-reference:{path}" for path in assemblies.values()]
    mistakes = (
        "item.SetShaderUserValue(1.5f)",
        "item.SetShaderUserValue(1, 2)",
        "item.shaderUserValue = 1",
        'new UnityEngine.GameObject("a", "b")',
        "UnityEngine.Rendering.AsyncGPUReadback.Request(null)",
    )
    source = tmp_path / "mistakes.cs"
    lines = [f"  void M{number}(UnityEngine.MeshRenderer item) {{ {call}; }}" for number, call in enumerate(mistakes)]
    source.write_text("\n".join(["class C {", *lines, "}"]))
    command = [*mono_core.MCS, "-target:library", *references, f"-out:{tmp_path / 'c.dll'}", str(source)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr
    wrong = {int(line) for line in re.findall(r"mistakes\.cs\((\d+),\d+\): error", said)}
    assert wrong == {number + 2 for number in range(len(mistakes))}


def test_nothing_of_a_frame_is_made_where_it_could_be_used_again() -> None:
    """Objects of the engine are made in pools, caches and loaders only."""
    makers = {"LitMaterials.cs", "ModelLoader.cs", "StageModel.cs", "CaptureTargets.cs", "HdrpStage.cs", "TickAgent.cs"}
    made = re.compile(r"new (?:GameObject|Material|RenderTexture|Texture2D|Cubemap)\(|Instantiate\(")
    found = {path.name for path in (mono_core.SOURCES / "Runtime").rglob("*.cs") if made.search(path.read_text())}
    assert found == makers
    stage = (mono_core.SOURCES / "Runtime" / "HdrpStage.cs").read_text()
    inside = stage[stage.index("public void Clear") : stage.index("Light MakeLight")]
    assert not made.search(inside)


def test_the_shader_reads_what_the_renderers_carry() -> None:
    """HLSL can't be compiled here: its includes, its passes and its braces are all that can be held to something."""
    text = SHADER.read_text()
    assert text.count("{") == text.count("}")
    assert text.count("HLSLPROGRAM") + text.count("HLSLINCLUDE") == text.count("ENDHLSL") == 3
    assert re.findall(r'Name "(\w+)"', text) == ["Rows", "Alone"]
    assert "output.row = unity_RendererUserValue;" in text
    assert "uint row : SV_Target0" in text
    pass_source = (mono_core.SOURCES / "Runtime" / "IdPass.cs").read_text()
    assert "const int RowsAndDepth = 0;" in pass_source
    assert "const int Alone = 1;" in pass_source
    assert (
        f'IdShader = "{re.search(r"Shader .(Beltline/Ids).", text)[1]}"'
        in (mono_core.SOURCES / "Editor" / "GeneratedAssets.cs").read_text()
    )
