"""Whose and which: the sender's tokens as they are compared, and the hub's own for what it tells."""

import re
import uuid
from typing import Final

from postroad.model.documents import Document

_PLAIN_UUID = re.compile("[0-9a-f]{32}")
_TRACKS: Final = uuid.UUID("5b6a1c0e-0a0e-5e0b-9c1d-3f8f2d3b7a10")
_ACCIDENTS: Final = uuid.UUID("0e7c4a52-6f0d-5d5f-8a36-b5c9f1e2d404")
"""Under which the hub's tokens are made. They are in what customers stored: never change them."""


def canonical(token: str) -> str:
    """A token as it is compared: in small letters, and a UUID with its hyphens. Idempotent."""
    small = token.lower()
    return str(uuid.UUID(small)) if _PLAIN_UUID.fullmatch(small) else small


def track_token(provider_id: int, key: str) -> str:
    """The hub's own name of a trip: the same for all its editions, its deletion, and in every notification."""
    return str(uuid.uuid5(_TRACKS, f"{provider_id}/{key}"))


def accident_id(provider_id: int, key: str) -> str:
    """The hub's own name of an accident: the same for all its editions, its report and its withdrawal."""
    return str(uuid.uuid5(_ACCIDENTS, f"{provider_id}/{key}"))


def token_of(document: Document) -> str:
    """The hub's name of a trip."""
    return track_token(document.header.provider_id, document.key)
