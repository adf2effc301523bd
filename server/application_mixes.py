"""What can be asked of mixes: a part of `server.application.Application`."""

from __future__ import annotations

from contracts.mix import MixDescription, MixRequest
from registry.mixes import create_mix, find_mix, list_mixes, remove_mix
from server.application_base import HomeCalls
from server.resources import Page


class MixCalls(HomeCalls):
    """Mixes of one home."""

    def create_mix(self, request: MixRequest) -> MixDescription:
        return create_mix(self._parts.catalog(), request.name, request.text)

    def mixes(self) -> Page[MixDescription]:
        return Page[MixDescription](items=list_mixes(self._parts.catalog()))

    def mix(self, name_or_digest: str) -> MixDescription:
        return find_mix(self._parts.catalog(), name_or_digest)

    def remove_mix(self, name: str) -> MixDescription:
        return remove_mix(self._parts.catalog(), name)
