"""Entity tags: which representation somebody has (RFC 9110, 8.8.3 and 13.1)."""

import hashlib
from typing import Final

from postroad.api.rest.problems import PRECONDITION_FAILED, Refused

ANY: Final = "*"


def etag_of(body: bytes) -> str:
    """The strong entity tag of a representation: other bytes have another one."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether who asks has this representation already, as ``If-None-Match`` says; weak tags count here."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == ANY or etag in {one.removeprefix("W/") for one in _tags(if_none_match)}


def check(if_match: str | None, if_none_match: str | None, etag: str | None) -> None:
    """Check the conditions of a change; ``etag`` of what there is, ``None``: nothing.

    Raises ``Refused`` if one does not hold. A weak tag never matches in ``If-Match``.
    """
    if if_match is not None and (etag is None or (if_match.strip() != ANY and etag not in _tags(if_match))):
        raise Refused(PRECONDITION_FAILED, "It has changed since, or is gone: get it again")
    if if_none_match is not None and etag is not None and is_known(if_none_match, etag):
        raise Refused(PRECONDITION_FAILED, "It is there already")


def _tags(header: str) -> set[str]:
    return {one.strip() for one in header.split(",")}
