"""Under which terms a chapter of an account was delivered: what of an item was an event for the subscription.

They are written down with the chapter, so that a later look at the log can tell what was to be delivered then, whatever
the subscription asks for by now.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs

from postroad import __version__
from postroad.registry.records import Subscription


class Terms(msgspec.Struct, frozen=True):
    """Of a subscription, as far as they say what is an event for it."""

    protocol: str
    types: tuple[str, ...]
    options: Mapping[str, Any] = {}
    postroad: str = ""
    """Which version translated: another may say something else of the same item."""

    @property
    def of_this_version(self) -> bool:
        """Whether the same items are the same events today."""
        return self.postroad == __version__


def terms_of(subscription: Subscription) -> str:
    """The subscription's terms of today, as a chapter keeps them."""
    terms = Terms(subscription.protocol, subscription.types, subscription.options, __version__)
    return msgspec.json.encode(terms, order="sorted").decode()


def read_terms(terms: str) -> Terms | None:
    """What ``terms_of`` wrote; ``None`` for a chapter of which nobody wrote it down."""
    try:
        return msgspec.json.decode(terms, type=Terms) if terms else None
    except msgspec.MsgspecError:
        return None


def under(terms: Terms, subscription: Subscription) -> Subscription:
    """The subscription as it was when these terms held."""
    return structs.replace(subscription, protocol=terms.protocol, types=terms.types, options=terms.options)
