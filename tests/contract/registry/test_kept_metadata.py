"""EXIF of photographs: left behind unless a kind of it is asked for; never more than was asked for."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from import_samples import Importing
from mask_folder_samples import CLASSES, mask_of, photograph, save
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from contracts.ids import VersionReference
from registry.formats.exporting import export_version
from registry.formats.metadata import read_metadata
from registry.formats.raw import write_raw
from registry.reader import Version
from registry.statistics.version import version_statistics

Base, GPS = ExifTags.Base, ExifTags.GPS
CAMERA = {"exif.make": "Acme Optics", "exif.model": "D 40", "exif.lens_model": "35mm f/2"}
EXPOSURE = {
    "exif.exposure_time_s": 0.004,
    "exif.f_number": 2.8,
    "exif.focal_length_35mm_equivalent_mm": 52.0,
    "exif.focal_length_mm": 35.0,
    "exif.iso": 200.0,
}
TIME = {"exif.taken_at": "2024-05-01T17:42:09+02:00"}
PLACE = {"exif.latitude_deg": -33.8567844, "exif.longitude_deg": 151.2152967, "exif.altitude_m": -3.5}
SECRETS = ("4711-serial", "the owner", "who sat here", "private note")


def exif_of_a_camera() -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model] = "Acme  Optics \0", "D 40"
    exif[Base.Artist], exif[Base.ImageDescription] = "the owner", "who sat here"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details |= {
        Base.LensModel: "35mm f/2",
        Base.ExposureTime: IFDRational(1, 250),
        Base.FNumber: IFDRational(28, 10),
        Base.ISOSpeedRatings: 200,
        Base.FocalLength: IFDRational(35, 1),
        Base.FocalLengthIn35mmFilm: 52,
        Base.DateTimeOriginal: "2024:05:01 17:42:09",
        Base.OffsetTimeOriginal: "+02:00",
        Base.BodySerialNumber: "4711-serial",
        Base.UserComment: b"ASCII\0\0\0private note",
    }
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            GPS.GPSLatitudeRef: "S",
            GPS.GPSLatitude: (IFDRational(33), IFDRational(51), IFDRational(2442384, 100000)),
            GPS.GPSLongitudeRef: "E",
            GPS.GPSLongitude: (IFDRational(151), IFDRational(12), IFDRational(5506812, 100000)),
            GPS.GPSAltitudeRef: b"\x01",
            GPS.GPSAltitude: IFDRational(7, 2),
        }
    )
    return exif


def image_with(exif: Image.Exif, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photograph(1)).save(stream, kind, exif=exif)
    return stream.getvalue()


@pytest.fixture
def masks(tmp_path: Path) -> Importing:
    importing = Importing(tmp_path, "masks")
    for name, kind in (("a.jpg", "JPEG"), ("b.png", "PNG")):
        (importing.root / "images").mkdir(exist_ok=True)
        (importing.root / "images" / name).write_bytes(image_with(exif_of_a_camera(), kind))
        save(importing.root / "masks" / f"{name[0]}.png", mask_of())
    (importing.root / "classes.json").write_text(json.dumps(CLASSES))
    return importing


def everything_written(version: Version, out: Path) -> bytes:
    export_version(write_raw, version, VersionReference("photos", 1), out)
    stored = [version.store.read(record.files[role]) for record in version.records() for role in record.files]
    return b"".join([*stored, *(path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file())])


def test_nothing_is_kept_unless_asked_for(masks: Importing, tmp_path: Path) -> None:
    version = masks.run()
    assert [record.parameters for record in version.records()] == [{}, {}]
    written = everything_written(version, tmp_path / "out")
    for secret in (*SECRETS, "Acme", "2024", "D 40", "exif"):
        assert secret.encode() not in written
    again = masks.run(keep_metadata=())
    assert again.digest == version.digest


def test_photographs_with_and_without_metadata_are_the_same_version(masks: Importing) -> None:
    (masks.root / "images/a.jpg").unlink()
    (masks.root / "masks/a.png").unlink()
    stripped = masks.run().digest
    (masks.root / "images/b.png").write_bytes(image_with(Image.Exif(), "PNG"))
    assert masks.run().digest == masks.run(keep_metadata=["camera", "place"]).digest == stripped


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["camera"], CAMERA),
        (["exposure"], EXPOSURE),
        (["time"], TIME),
        (["place"], PLACE),
        (["camera", "exposure", "time"], CAMERA | EXPOSURE | TIME),
        (["place", "camera", "camera"], CAMERA | PLACE),
    ],
)
def test_exactly_what_is_asked_for_is_kept(
    masks: Importing, tmp_path: Path, kinds: list[str], expected: dict[str, Any]
) -> None:
    version = masks.run(keep_metadata=kinds)
    for record in version.records():
        assert record.parameters == pytest.approx(expected) if kinds == ["place"] else record.parameters == expected
    written = everything_written(version, tmp_path / "out")
    for secret in (*SECRETS, *(["latitude"] if "place" not in kinds else [])):
        assert secret.encode() not in written
    assert masks.report.not_taken == ()
    assert masks.run(keep_metadata=list(reversed(kinds))).digest == version.digest


def test_statistics_show_what_was_kept(masks: Importing, tmp_path: Path) -> None:
    found = version_statistics(masks.run(keep_metadata=["camera", "exposure"]), tmp_path / "cache")
    assert found.choices["exif.model"].counts == {"D 40": 2}
    assert found.numbers["exif.focal_length_mm"].mean == 35


def test_fields_that_cannot_be_read_are_said_and_the_image_is_taken(masks: Importing) -> None:
    exif = exif_of_a_camera()
    exif[Base.Model] = "x" * 300
    exif.get_ifd(ExifTags.IFD.Exif)[Base.DateTimeOriginal] = "yesterday"
    exif.get_ifd(ExifTags.IFD.Exif)[Base.FNumber] = IFDRational(1, 0)
    exif.get_ifd(ExifTags.IFD.GPSInfo)[GPS.GPSLatitude] = (IFDRational(233), IFDRational(1), IFDRational(1))
    del exif.get_ifd(ExifTags.IFD.GPSInfo)[GPS.GPSLongitudeRef]
    (masks.root / "images/a.jpg").write_bytes(image_with(exif))
    version = masks.run(keep_metadata=["camera", "exposure", "time", "place"])
    first, second = version.records()
    assert second.parameters.keys() == CAMERA.keys() | EXPOSURE.keys() | TIME.keys() | PLACE.keys()
    assert second.parameters.keys() - first.parameters.keys() == {
        "exif.model",
        "exif.f_number",
        "exif.taken_at",
        "exif.latitude_deg",
        "exif.longitude_deg",
    }
    assert masks.report.not_taken_count == {"metadata": 5}
    assert {item.location for item in masks.report.not_taken} == {"images/a.jpg"}


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (Base.ExposureTime, IFDRational(0, 1)),
        (Base.DateTimeOriginal, "0000:00:00 00:00:00"),
        (Base.DateTimeOriginal, "    :  :     :  :  "),
        (Base.LensModel, "  "),
    ],
)
def test_what_a_camera_says_it_does_not_know_is_no_fault(tag: int, value: Any) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[tag] = value
    assert read_metadata(image_with(exif), ["camera", "exposure", "time", "place"]) == ({}, [])


@given(
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    focal_length=st.fractions(min_value=0, max_value=2000, max_denominator=1000),
    model=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)
def test_what_a_camera_writes_is_what_is_read(latitude: float, longitude: float, focal_length: Any, model: str) -> None:
    exif = Image.Exif()
    exif[Base.Model] = model
    exif.get_ifd(ExifTags.IFD.Exif)[Base.FocalLength] = IFDRational(focal_length.numerator, focal_length.denominator)
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    for value, tag, reference, words in (
        (latitude, GPS.GPSLatitude, GPS.GPSLatitudeRef, "NS"),
        (longitude, GPS.GPSLongitude, GPS.GPSLongitudeRef, "EW"),
    ):
        seconds = round(abs(value) * 3600 * 10_000)
        degrees, rest = divmod(seconds, 3600 * 10_000)
        minutes, rest = divmod(rest, 60 * 10_000)
        place[tag] = (IFDRational(degrees), IFDRational(minutes), IFDRational(rest, 10_000))
        place[reference] = words[value < 0]
    found, unread = read_metadata(image_with(exif), ["place", "camera", "exposure"])
    assert unread == []
    assert found.pop("exif.latitude_deg") == pytest.approx(latitude, abs=1e-6)
    assert found.pop("exif.longitude_deg") == pytest.approx(longitude, abs=1e-6)
    assert found.pop("exif.focal_length_mm", 0) == pytest.approx(float(focal_length))
    assert found.pop("exif.model", "") == " ".join(model.split())
    assert found == {}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow says what is broken, and reads on
@given(st.binary(max_size=200))
def test_broken_exif_is_no_crash(noise: bytes) -> None:
    with Image.open(io.BytesIO(image_with(exif_of_a_camera()))) as picture:
        whole = picture.info["exif"]
    stream = io.BytesIO()
    Image.fromarray(photograph(1)).save(stream, "PNG", exif=whole[:60] + noise)
    found, _ = read_metadata(stream.getvalue(), ["camera", "exposure", "time", "place"])
    assert all(isinstance(value, float | str) for value in found.values())
