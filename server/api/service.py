"""Health, readiness, metrics and version of the service."""

from __future__ import annotations

import shutil
from importlib.metadata import version

from fastapi import APIRouter, Request
from fastapi.responses import Response

from contracts.errors import BeltlineError
from server.api import metrics
from server.api.dependencies import ApplicationOf
from server.resources import Health, ServiceVersion

router = APIRouter(tags=["service"])


class NotReadyError(BeltlineError):
    """The service can't take work now."""

    default_code = "not_ready"
    default_retryable = True
    status = 503


@router.get("/healthz", summary="Whether the process answers")
async def health() -> Health:
    """Always, while it lives."""
    return Health()


@router.get("/readyz", summary="Whether jobs are taken and carried out")
def ready(application: ApplicationOf) -> Health:
    """503 with the reason where they are not: no engine, no table, no space."""
    application.job_counts()
    if not application.engine_alive:
        raise NotReadyError("jobs are not being carried out", hint="look into the service's log, then restart it")
    settings = application.settings
    free = shutil.disk_usage(settings.home).free
    if free < settings.free_bytes_min:
        raise NotReadyError(
            f"{free >> 20} MiB are free, and jobs begin from {settings.free_bytes_min >> 20} MiB",
            code="no_space",
            hint="free disk space, or lower free_bytes_min in settings.yaml",
        )
    return Health()


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics_text(request: Request) -> Response:
    """Jobs by state, requests, and this process."""
    found: metrics.Metrics = request.app.state.metrics
    return Response(found.text(), media_type=metrics.CONTENT_TYPE)


@router.get("/v1/version", summary="Which Beltline answers")
async def service_version() -> ServiceVersion:
    """Name, version and version of this interface."""
    return ServiceVersion(version=version("beltline"))
