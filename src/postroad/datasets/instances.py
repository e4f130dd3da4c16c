"""Instances: who may have which datasets, by one view of the registry.

An instance is a subscription by ``damoov``: its selectors are its users, its types its rules. Whoever fetches shows a
user's token and nothing else, so what is asked is whether *some* instance is given such datasets of the subject.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

import msgspec

from postroad.model.identifiers import DAMOOV_USER_ID
from postroad.protocols import damoov
from postroad.protocols.damoov import DatasetKind
from postroad.registry.records import RegistryView, Subscription

_NAME: Final = damoov.PROTOCOL.name


class _Given(NamedTuple):
    first: int
    kinds: frozenset[DatasetKind]


class Instances:
    """What the instances of one view are given."""

    def __init__(self, given: Mapping[int, list[_Given]], users: Mapping[bytes, int]) -> None:
        """``given``: by subject. ``users``: digest of a token -> whose it is."""
        self._given = given
        self._users = users

    @classmethod
    def of(cls, view: RegistryView) -> Self:
        """By the open streams of a view. Access must exist when a dataset is fetched, as when an event is sent."""
        kinds = {id_: _announced(one) for id_, one in view.subscriptions.items() if one.protocol == _NAME}
        given: dict[int, list[_Given]] = {}
        for stream in view.streams.values() if kinds else ():
            if stream.subscription_id in kinds and not stream.ended and stream.from_position is not None:
                given.setdefault(stream.subject_id, []).append(
                    _Given(stream.from_position, kinds[stream.subscription_id])
                )
        users = {
            digest(token): subject.id
            for subject in (view.subjects.values() if kinds else ())
            if isinstance(token := subject.issued.get(DAMOOV_USER_ID), str)
        }
        return cls(given, users)

    def __bool__(self) -> bool:
        """Whether anybody is given anything."""
        return bool(self._given)

    @property
    def first_position(self) -> int | None:
        """The lowest position from which somebody is given something."""
        return min((one.first for of_one in self._given.values() for one in of_one), default=None)

    def gives(self, subject_id: int, position: int, kind: DatasetKind | None = None) -> bool:
        """Whether a dataset of this kind that stands there may be had; without a kind, whether one may ever be."""
        return any(
            one.first <= position and (kind is None or kind in one.kinds) for one in self._given.get(subject_id, ())
        )

    def user(self, token: str) -> int | None:
        """The subject whose token it is. Tokens are compared by digest, so that no time tells how much of one fits."""
        return self._users.get(digest(token))


def digest(token: str) -> bytes:
    """Of a token in any of its spellings."""
    return hashlib.sha256(damoov.canonical(token).encode("utf-8", "surrogatepass")).digest()


def _announced(subscription: Subscription) -> frozenset[DatasetKind]:
    options = msgspec.convert(dict(subscription.options), damoov.Options)
    return damoov.announced(subscription.types, options)
