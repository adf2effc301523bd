"""The frame specification: everything a player needs to render one frame, and nothing about how it came to be.

Fully resolved and scenario-free: assets by digest, parts with labels and materials, lights, environment, a calibrated
camera. World frame: right-handed, metres, z up. Photometric units throughout, so that two renderers agree.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.camera import Camera, Exposure, Matrix3, Matrix4, Vector3
from contracts.document import Document, SchemaVersion
from contracts.ids import Digest, Name, Seed
from contracts.sensor import SensorEffects

BACKGROUND_ID = 0
IGNORE_ID = 255

Fraction = Annotated[float, Field(ge=0, le=1)]
LinearRgb = tuple[Fraction, Fraction, Fraction]
"""Linear red, green, blue reflectance (Rec. 709 primaries), 0 to 1."""
Byte = Annotated[int, Field(ge=0, le=255)]
LabelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
PartName = Annotated[str, Field(min_length=1, max_length=128)]
MaterialName = Annotated[str, Field(min_length=1, max_length=128)]
FactName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,62}$")]
Fact = Word | Annotated[tuple[Word, ...], Field(max_length=64)]
"""A word, or words in an order that means something, such as the way points of a belt."""
Facts = Annotated[dict[FactName, Fact], Field(max_length=32, exclude_if=lambda facts: not facts)]
"""What composing a frame has settled beyond the values drawn, such as how its belt is worn. Not written where there is
nothing to say, so that identities of such frames stay what they were before there were facts."""


class Label(Document):
    """A class of the semantic mask."""

    id: Annotated[int, Field(ge=0, le=254)]
    """Value in the mask; 0 is background. 255 is no label: it marks pixels to ignore."""
    name: LabelName
    """The class."""
    color: tuple[Byte, Byte, Byte]
    """sRGB, for palettes and overlays."""


class Material(Document):
    """A surface, in the terms of the metallic-roughness model (glTF 2.0, HDRP Lit)."""

    model: Literal["surface", "thin_glass", "emissive"] = "surface"
    """`surface`: opaque; `thin_glass`: a pane without refraction; `emissive`: shines with `luminance_cd_m2`."""
    base_color: LinearRgb = (0.5, 0.5, 0.5)
    """Reflectance; of glass, the transmittance of a pane."""
    base_color_texture: Digest | None = None
    """PNG, sRGB, multiplied with `base_color`, addressed by the part's texture coordinates."""
    texture_scale: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (1.0, 1.0)
    """Repeats of the texture over a unit of u and v."""
    metallic: Fraction = 0.0
    """0 dielectric, 1 metal."""
    roughness: Fraction = 0.5
    """Perceptual roughness (its square is the GGX alpha)."""
    clearcoat: Fraction = 0.0
    """Strength of a clear layer, as on paint."""
    sheen: Fraction = 0.0
    """Strength of a cloth's grazing reflection."""
    luminance_cd_m2: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """Of an emissive surface."""


class PartBinding(Document):
    """What one named part of a GLB asset is in this frame."""

    material: MaterialName
    """Key in `materials`."""
    label: LabelName | None = None
    """Class in the semantic mask; `background` says so on purpose, none leaves the pixels unlabelled (255)."""
    instance: Annotated[int, Field(ge=0, le=65535)] = 0
    """Value in the instance mask; parts that share it form one instance; 0 is none."""
    see_through: bool = False
    """Whether masks and depth look through this part, as through an unlabelled pane of glass."""


class SceneObject(Document):
    """An asset placed in the world."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """Unique in the frame."""
    asset: Digest
    """A GLB file."""
    world_from_object: Matrix4
    """Rows of the pose (rotation, uniform scale, translation in metres)."""
    parts: dict[PartName, PartBinding]
    """Every part of the asset that is drawn; a part that is not named is not drawn."""


class DirectionalLight(Document):
    """Parallel light, as from the sun."""

    direction: Vector3
    """Unit vector in which the light travels, in the world frame."""
    illuminance_lux: Annotated[float, Field(ge=0, le=2e5)]
    """On a surface that faces the light."""
    color: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]
    """Linear RGB of luminance 1 (Rec. 709)."""


class Environment(Document):
    """Light from everywhere: an equirectangular image around the scene."""

    image: Digest
    """Radiance HDR (RGBE), width twice the height; linear, of mean luminance about 1."""
    world_from_environment: Matrix3
    """Rows of a rotation. Unrotated, the image's centre lies in direction +x, its upper edge is +z, and its left half
    lies to the left (+y)."""
    luminance_cd_m2: Annotated[float, Field(ge=0, le=1e6)]
    """Factor from image values to luminance."""


class RenderSettings(Document):
    """How much work a renderer spends; a player that does not trace paths takes them as hints."""

    samples_per_pixel: Annotated[int, Field(ge=1, le=4096)] = 16
    """Paths per pixel."""
    maximum_bounces: Annotated[int, Field(ge=1, le=64)] = 6
    """Longest path."""
    denoise: bool = True
    """Whether to denoise the colour image, where the player can."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Of the renderer's own noise."""


class Asset(Document):
    """A file that the spec refers to."""

    digest: Digest
    """SHA-256 of its bytes; its name in the assets folder is the hexadecimal part with the suffix of its media type."""
    media_type: Literal["model/gltf-binary", "image/png", "image/vnd.radiance"]
    """`.glb`, `.png` or `.hdr`."""


class FrameIdentity(Document):
    """Where a frame comes from; echoed in the sidecar, without meaning to a player."""

    generator: Name
    generator_digest: Digest
    seed: Seed
    index: Annotated[int, Field(ge=0, le=2**31 - 1)]
    attempt: Annotated[int, Field(ge=0, le=1000)] = 0
    """0, or the number of redraws after the gate rejected the content."""


class FrameSpec(Document):
    """One frame, ready to render."""

    schema_version: SchemaVersion = 1
    frame: FrameIdentity
    camera: Camera
    exposure: Exposure
    sensor: SensorEffects = SensorEffects()
    """What the camera leaves in the colour image; by default nothing."""
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=255)]
    """All classes of the generator, background first."""
    materials: dict[MaterialName, Material]
    objects: tuple[SceneObject, ...]
    lights: tuple[DirectionalLight, ...] = ()
    environment: Environment
    render: RenderSettings = RenderSettings()
    assets: tuple[Asset, ...]
    """Every asset that objects, materials and the environment name."""
    must_appear: tuple[LabelName, ...] = ()
    """Labels that this frame must show; the gate holds the renderer to it."""
    facts: Facts = {}
    """What the frame shows, in words; echoed in the sidecar, without meaning to a player."""


ASSET_SUFFIX = {"model/gltf-binary": ".glb", "image/png": ".png", "image/vnd.radiance": ".hdr"}


def asset_file_name(digest: str, media_type: str) -> str:
    """File name of an asset in an assets folder."""
    return digest.removeprefix("sha256:") + ASSET_SUFFIX[media_type]


def check_references(spec: FrameSpec) -> list[str]:
    """What a schema can't say: every reference resolves, names and ids are unique. Returns faults, `field: message`."""
    faults: list[str] = []
    names = [label.name for label in spec.labels]
    ids = [label.id for label in spec.labels]
    if spec.labels[0].id != BACKGROUND_ID or spec.labels[0].name != "background":
        faults.append("labels.0: the first label is background with id 0")
    if len(set(names)) < len(names) or len(set(ids)) < len(ids):
        faults.append("labels: names and ids must be unique")
    if len({item.name for item in spec.objects}) < len(spec.objects):
        faults.append("objects: names must be unique")
    media = {asset.digest: asset.media_type for asset in spec.assets}
    faults += [
        f"objects.{index}.asset: no GLB asset {item.asset}"
        for index, item in enumerate(spec.objects)
        if media.get(item.asset) != "model/gltf-binary"
    ]
    for index, item in enumerate(spec.objects):
        for part, binding in item.parts.items():
            place = f"objects.{index}.parts.{part}"
            if binding.material not in spec.materials:
                faults.append(f"{place}.material: no material '{binding.material}'")
            if binding.label is not None and binding.label not in names:
                faults.append(f"{place}.label: no label '{binding.label}'")
    faults += [
        f"materials.{name}.base_color_texture: no PNG asset {material.base_color_texture}"
        for name, material in spec.materials.items()
        if material.base_color_texture is not None and media.get(material.base_color_texture) != "image/png"
    ]
    if media.get(spec.environment.image) != "image/vnd.radiance":
        faults.append(f"environment.image: no HDR asset {spec.environment.image}")
    faults += [f"must_appear: no label '{name}'" for name in spec.must_appear if name not in names]
    return faults
