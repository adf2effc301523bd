"""Mixes of a running service: the part of `server.client.Client` that mirrors `server.application_mixes`."""

from __future__ import annotations

from contracts.mix import MixDescription, MixRequest
from server.client_requests import Requests, parse_answer, path_part
from server.resources import Page


class MixRequests(Requests):
    """Mixes of a service."""

    def create_mix(self, request: MixRequest) -> MixDescription:
        return self.post("/v1/mixes", request, MixDescription)

    def mixes(self) -> Page[MixDescription]:
        return self.get("/v1/mixes", Page[MixDescription])

    def mix(self, name_or_digest: str) -> MixDescription:
        return self.get(f"/v1/mixes/{path_part(name_or_digest)}", MixDescription)

    def remove_mix(self, name: str) -> MixDescription:
        return parse_answer(MixDescription, self.request("DELETE", f"/v1/mixes/{path_part(name)}"))
