"""Versions as people write them on the command line: name@number or name@alias."""

from __future__ import annotations

import re

from contracts.dataset import ALIAS_PATTERN
from contracts.errors import NotFoundError
from contracts.ids import VERSION_PATTERN, VersionReference, check_name
from server.commands.session import Session


def find_reference(session: Session, text: str) -> VersionReference:
    """The version that `name@number` or `name@alias` means.

    Raises:
        ConfigurationError: The text is neither.
        NotFoundError: No such alias.
    """
    name, _, word = text.partition("@")
    if re.fullmatch(VERSION_PATTERN, text) or not re.fullmatch(ALIAS_PATTERN, word):
        return VersionReference.parse(text)
    found = session.service().alias(check_name(name, "dataset name"), word)
    if found.version is None:
        raise NotFoundError(
            f"the alias {text} stands for nothing now",
            code="unknown_alias",
            hint=f"`beltline alias {name} {word}` shows what it stood for",
        )
    return VersionReference(name, found.version)
