"""preview · sheet"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from contracts.document import is_path, validate
from contracts.errors import ConfigurationError, NotFoundError
from contracts.frame_spec import Label
from contracts.ids import VersionReference
from contracts.job import RenderBatchRequest
from contracts.overrides import parse_overrides
from contracts.process import write_atomically, write_document
from registry.pictures import ByteImage, contact_sheet
from server.commands.arguments import add_frame_options, generator_argument, player_argument
from server.commands.references import find_reference
from server.commands.session import Session, Subparsers, command, natural, positive
from server.resources import PreviewRequest
from server.service import Service

MAXIMUM_SHEET_FRAMES = 400
_FORMS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_JPEG_QUALITY = 85

Pictures = list[tuple[ByteImage, ByteImage]]


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "preview",
        "render one frame into a folder; nothing is published",
        description="Render one frame and write image.png mask.png overlay.png instances.png depth.png frame.json.",
        epilog="  beltline preview exterior --frame 48213 --seed 7 --out frame",
    )
    parser.add_argument("generator", metavar="GENERATOR", help="a generator's name, or a YAML file")
    parser.add_argument("--frame", type=natural, default=0, metavar="I", help="index of the frame (0)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    add_frame_options(parser)
    parser.set_defaults(run=_preview)

    parser = command(
        commands,
        shared,
        "sheet",
        "draw a contact sheet with overlays of a generator or a version",
        description="Draw a contact sheet with overlays: of a version's frames, evenly spread, or of a generator's\n"
        "first frames, which are rendered for it and not published.",
        epilog="  beltline sheet exterior@1 --frames 16 --out sheet.png\n"
        "  beltline sheet exterior --frames 9 --size 256x256 --out sheet.png",
    )
    parser.add_argument("subject", metavar="GENERATOR|NAME@V")
    parser.add_argument("--frames", type=positive, default=16, metavar="N", help="number of frames (16)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="PNG, or JPEG by its suffix")
    parser.add_argument("--workers", type=positive, metavar="K", help="processes that render side by side")
    add_frame_options(parser)
    parser.set_defaults(run=_sheet)


def _preview_request(arguments: argparse.Namespace, session: Session, frame: int) -> PreviewRequest:
    return validate(
        PreviewRequest,
        {
            "frame": frame,
            "seed": arguments.seed,
            "size": arguments.size,
            "player": player_argument(arguments.player, session),
            "overrides": parse_overrides(arguments.overrides),
        },
        source="preview",
    )


def _preview(arguments: argparse.Namespace, session: Session) -> int:
    request = _preview_request(arguments, session, arguments.frame)
    generator = generator_argument(arguments.generator, session)
    _check_folder(arguments.out)
    preview = session.service().preview(generator, request)
    arguments.out.mkdir(parents=True, exist_ok=True)
    paths = []
    for role, data in preview.files.items():
        paths.append(arguments.out / f"{role}.png")
        write_atomically(paths[-1], base64.b64decode(data))
    paths.append(arguments.out / "frame.json")
    write_document(paths[-1], preview.frame)
    texts = [str(path) for path in paths]
    session.emit({"files": texts, "frame": preview.frame}, "\n".join(texts))
    return 0


def _check_folder(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise ConfigurationError(f"--out {path} is not a folder", hint="name a folder, or one to be made")


def _sheet(arguments: argparse.Namespace, session: Session) -> int:
    if arguments.frames > MAXIMUM_SHEET_FRAMES:
        raise ConfigurationError(f"--frames {arguments.frames}: a sheet holds at most {MAXIMUM_SHEET_FRAMES} frames")
    form = _FORMS.get(arguments.out.suffix.lower())
    if arguments.out.is_dir() or form is None:
        raise ConfigurationError(
            f"--out {arguments.out} is not the name of a PNG or JPEG file", hint="such as sheet.png, or sheet.jpg"
        )
    if "@" in arguments.subject and not is_path(arguments.subject):
        reference = find_reference(session, arguments.subject)
        sheet = version_sheet(session.service(), reference, arguments.frames)
    elif session.remote:
        sheet = _sheet_of_previews(arguments, session)
    else:
        sheet = _sheet_of_batch(arguments, session)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    data = io.BytesIO()
    Image.fromarray(sheet).save(data, format=form, quality=_JPEG_QUALITY)
    write_atomically(arguments.out, data.getvalue())
    session.emit({"file": str(arguments.out)}, str(arguments.out))
    return 0


def version_sheet(service: Service, reference: VersionReference, frames: int) -> ByteImage:
    """A contact sheet of a version's frames, evenly spread over it.

    Args:
        service: Where the version lies.
        reference: The version.
        frames: Most frames on the sheet.
    """
    described = service.version(reference)
    count = min(frames, described.frame_count)
    indices = [number * described.frame_count // count for number in range(count)]
    pictures: Pictures = []
    captions = []
    for index in tqdm(indices, desc=str(reference), unit="frame", file=sys.stderr):
        try:
            image = service.picture(reference, index, "image")
        except NotFoundError as error:
            if error.code != "erased_frame":
                raise
            continue
        pictures.append((_decode_image(image), _decode_mask(service.picture(reference, index, "mask"))))
        captions.append(f"frame {index}")
    if not pictures:
        raise NotFoundError(f"the frames of {reference} were erased", code="erased_frame", hint="show another version")
    title = f"{reference}, {described.frame_count} frames, {described.digest[:19]}"
    return contact_sheet(pictures, described.labels, captions=captions, title=title)


def _sheet_of_batch(arguments: argparse.Namespace, session: Session) -> ByteImage:
    """Render the frames in a home of their own, which is gone afterwards: nothing of them is published."""
    from server.application import Application

    request = validate(
        RenderBatchRequest,
        {
            "generator": generator_argument(arguments.subject, session),
            "frames": arguments.frames,
            "seed": arguments.seed,
            "size": arguments.size,
            "player": player_argument(arguments.player, session),
            "workers": arguments.workers,
            "overrides": parse_overrides(arguments.overrides),
        },
        source="sheet",
    )
    settings = session.settings()
    settings.cache.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=settings.cache, prefix="sheet-") as home,
        Application(settings.model_copy(update={"home": Path(home)})) as application,
        session.using(application),
    ):
        job = session.follow(application.render(request).job)
        reference = VersionReference.parse(str((job.result or {})["dataset"]))
        return version_sheet(application, reference, arguments.frames)


def _sheet_of_previews(arguments: argparse.Namespace, session: Session) -> ByteImage:
    generator = generator_argument(arguments.subject, session)
    service = session.service()
    labels: tuple[Label, ...] = tuple(service.generator(generator).label_table)
    pictures: Pictures = []
    for index in tqdm(range(arguments.frames), desc=generator, unit="frame", file=sys.stderr):
        preview = service.preview(generator, _preview_request(arguments, session, index))
        image = _decode_image(base64.b64decode(preview.files["image"]))
        pictures.append((image, _decode_mask(base64.b64decode(preview.files["mask"]))))
    captions = [f"frame {index}" for index in range(arguments.frames)]
    return contact_sheet(pictures, labels, captions=captions, title=f"{generator}, seed {arguments.seed}")


def _decode_image(data: bytes) -> ByteImage:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def _decode_mask(data: bytes) -> ByteImage:
    """Label ids, (H, W) uint8: an indexed PNG's indices, not its colours."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image, dtype=np.uint8)
