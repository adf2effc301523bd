"""Orders of the service's own worker processes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.document import Document
from contracts.generator import Generator
from contracts.ids import Name
from server.jobs.plans import ImportPlan


class PublishOrder(Document):
    """Make the staged frames of a render batch a version."""

    schema_version: Literal[1] = 1
    name: Name
    staging: Annotated[str, Field(min_length=1)]
    generator: Generator
    seed: int
    frames: Annotated[int, Field(ge=1)]
    gaps: tuple[int, ...] = ()
    operation: dict[str, int | float | str] = {}
    store_url: str
    catalog_url: str
    workspace: Annotated[str, Field(min_length=1)]


class ImportOrder(Document):
    """Make a version of real images."""

    schema_version: Literal[1] = 1
    plan: ImportPlan
    store_url: str
    catalog_url: str
    workspace: Annotated[str, Field(min_length=1)]
