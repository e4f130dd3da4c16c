"""What belongs to whom is to be forgotten: found in batches, refusals and texts.

An item of an erased subject belongs to it, and so does any other that names it: an item of somebody else that has one
of its identifiers as a whole JSON string, and what could not be read, or is of nobody known, with one anywhere in it.
An edition of an erased trip is known by its key, as its decoder reads it; so is the crash that happened on it.
"""

import json
import re
from collections.abc import Sequence

import msgspec

from postroad.errors import PostroadError
from postroad.log.interface import ERASED, UNASSIGNED, UNREADABLE, Batch, Refusal
from postroad.model.documents import Crash, CrashReport, Trip, TripDeleted
from postroad.model.events import Event
from postroad.model.identifiers import PLATE, VIN
from postroad.registry.erasures import Erasure, Names
from postroad.registry.records import RegistryView
from postroad.routing.translation import BatchTranslation, Decoder

_BETWEEN = rb"[ .-]*"
"""What people write within a plate or VIN (``postroad.model.identifiers``)."""


class Found(msgspec.Struct, frozen=True):
    """In some batches, in order."""

    positions: Sequence[int]
    notices: Sequence[int]
    """Among them: the items that tell customers that a trip is deleted."""
    tombstones: Sequence[int]
    """Besides: what was erased before, this one's among it if it was ended half-way."""


class Sought:
    """What is looked for. For a thread of its own: nothing in it changes."""

    def __init__(self, erasure: Erasure, names: Names, *, decoder: Decoder, view: RegistryView) -> None:
        """``names``: of the erasure, opened. ``view``: by which items are read."""
        self._subject_id = erasure.subject_id if erasure.kind != "trip" else None
        self._providers = {
            provider.id for provider in view.providers.values() if provider.organization_id == erasure.organization_id
        }
        self._provider_id = erasure.provider_id
        self._document = names.document
        forms = [_form(namespace, value) for namespace, value in names.identifiers]
        if names.document is not None:
            forms.append(_form("", names.document))
        either = b"(?:" + b"|".join(forms) + b")" if forms else b"(?!)"
        self._whole = re.compile(b'"' + either + b'"')
        self._anywhere = re.compile(rb"(?<![0-9A-Za-z_])" + either + rb"(?![0-9A-Za-z_])")
        self._decoder = decoder
        self._view = view

    def in_batch(self, batch: Batch, end: int) -> Found:
        """Its items, below ``end``."""
        positions, notices, tombstones = list[int](), list[int](), list[int]()
        translation: BatchTranslation | None = None
        for index, raw in enumerate(batch.items()):
            position = batch.position + index
            if position >= end:
                break
            if batch.kinds[index] == ERASED:
                tombstones.append(position)
                continue
            if self._document is None:
                if batch.subjects[index] == self._subject_id or self._names_it(batch, index, raw):
                    positions.append(position)
            elif self._names_it(batch, index, raw):
                translation = translation or BatchTranslation(batch, self._decoder, {}, self._view)
                is_edition, is_deletion = self._is_edition(translation, index)
                if is_edition:
                    positions.append(position)
                if is_deletion:
                    notices.append(position)
        return Found(positions, notices, tombstones)

    def in_refusal(self, refusal: Refusal) -> bool:
        """Whether a request that was refused names it."""
        return refusal.provider_id in self._providers and self._anywhere.search(refusal.body) is not None

    def in_text(self, text: str) -> bool:
        """Whether a text for people names it."""
        return self._anywhere.search(text.encode("utf-8", "surrogatepass")) is not None

    def _names_it(self, batch: Batch, index: int, raw: bytes) -> bool:
        if self._provider_id is not None and batch.provider_id != self._provider_id:
            return False
        unknown = batch.kinds[index] == UNREADABLE or batch.subjects[index] == UNASSIGNED
        return (self._anywhere if unknown else self._whole).search(raw) is not None

    def _is_edition(self, translation: BatchTranslation, index: int) -> tuple[bool, bool]:
        """Whether an item that names the document is of it, and whether it says that it is deleted."""
        if translation.batch.kinds[index] == UNREADABLE:
            return True, False
        try:
            events: Sequence[Event] = translation.events(index)
        except PostroadError:
            return True, False  # it names it, and nobody can say any more what it was
        mine = [event for event in events if self._document in document_keys(event)]
        return bool(mine), any(isinstance(event, TripDeleted) for event in mine)


def document_keys(event: Event) -> tuple[str | None, ...]:
    """The keys of the trips that an event is of."""
    match event:
        case Trip() | TripDeleted():
            return (event.key,)
        case Crash() | CrashReport():
            return (event.trip_key,)
    return ()


def _form(namespace: str, value: str) -> bytes:
    """An expression for the ways in which a name may have been written: in either case, escaped as JSON or not."""
    between = _BETWEEN if namespace in (PLATE, VIN) else b""
    return between.join(_char(char) for char in value)


def _char(char: str) -> bytes:
    forms = {form for one in (char, char.lower(), char.upper()) for form in (one, json.dumps(one)[1:-1])}
    written = sorted(re.escape(form.encode("utf-8", "surrogatepass")) for form in forms)
    return written[0] if len(written) == 1 else b"(?:" + b"|".join(written) + b")"
