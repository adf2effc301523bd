"""Prometheus metrics of one application."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from contracts.errors import BeltlineError
from server.application import Application

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts requests, and reads the state of jobs when it is asked."""

    def __init__(self, application: Application) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "beltline_http_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "beltline_http_request_seconds",
            "Time to the end of an answer.",
            ["method", "route"],
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(_State(application))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _State(Collector):
    def __init__(self, application: Application) -> None:
        self._application = application

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("beltline_jobs", "Jobs by state.", labels=["state"])
        reachable = 1.0
        try:
            for state, count in self._application.job_counts().items():
                jobs.add_metric([str(state)], float(count))
        except BeltlineError:
            reachable = 0.0
        yield jobs
        yield GaugeMetricFamily("beltline_job_table_up", "Whether the job table answers.", value=reachable)
        yield GaugeMetricFamily(
            "beltline_engine_up", "Whether jobs are being carried out.", value=float(self._application.engine_alive)
        )
        free = shutil.disk_usage(self._application.settings.home).free
        yield GaugeMetricFamily("beltline_home_free_bytes", "Free space of the home folder.", value=float(free))

    def describe(self) -> Iterator[Metric]:
        return iter(())
