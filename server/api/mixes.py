"""Mixes: keep, list, show, forget."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from contracts.mix import MixDescription, MixRequest
from server.api import examples
from server.api.bodies import Asked, asked, body_schema
from server.api.dependencies import ApplicationOf
from server.resources import Page

router = APIRouter(prefix="/v1/mixes", tags=["mixes"])

_TEXT = "0.7 of carparts@3 train + 512 of belt-g6@2, nested, seed 4"
_DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_REQUEST: dict[str, Any] = {"name": "cabin-and-parts", "text": _TEXT}
_MIX: dict[str, Any] = {
    "name": "cabin-and-parts",
    "digest": _DIGEST,
    "text": _TEXT,
    "mix": {
        "schema_version": 1,
        "sources": [
            {"dataset": "carparts@3", "split": "train", "digest": _DIGEST, "images": None, "share": 0.7},
            {"dataset": "belt-g6@2", "split": None, "digest": _DIGEST, "images": 512, "share": None},
        ],
        "subsets": "nested",
        "seed": 4,
    },
    "images": [280, 512],
    "terms": [{"source": _DIGEST, "license": "internal use only", "consent": None}],
    "created_at": "2026-01-05T09:40:00Z",
    "created_by": "trainer",
}


@router.post(
    "",
    status_code=201,
    summary="Keep a mix",
    responses={201: examples.answer(_MIX)},
    openapi_extra=body_schema(MixRequest, {"Photographs and rendered images": _REQUEST}),
)
def create_mix(
    application: ApplicationOf, body: Annotated[Asked[MixRequest], Depends(asked(MixRequest))]
) -> MixDescription:
    """A mix names versions and how much of each, and never changes; the same text under the same name gives the mix
    that is there. A version that a mix names is not deleted."""
    return application.create_mix(body.document)


@router.get("", summary="List mixes", responses={200: examples.answer({"items": [_MIX], "next_cursor": None})})
def list_mixes(application: ApplicationOf) -> Page[MixDescription]:
    """All mixes, by name, in one page."""
    return application.mixes()


@router.get("/{name}", summary="Show a mix", responses={200: examples.answer(_MIX)})
def show_mix(application: ApplicationOf, name: str) -> MixDescription:
    """A mix by its name or digest."""
    return application.mix(name)


@router.delete("/{name}", summary="Forget a mix", responses={200: examples.answer(_MIX)})
def remove_mix(application: ApplicationOf, name: str) -> MixDescription:
    """Its versions may then be deleted; runs that learned from it name its sources themselves."""
    return application.remove_mix(name)
