"""An object as it was sent, but for some of its members: those that are the sender's own and nobody else's."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

Rule = Callable[[msgspec.Raw], msgspec.Raw | None]
"""What becomes of a member; None: it is left out."""
Rules = Mapping[str, Rule]
"""Name in small letters -> rule. What has no rule stays as it was sent."""

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def rewritten(raw: bytes | msgspec.Raw, rules: Rules) -> msgspec.Raw:
    """The object with its rules applied, in any case of the names. Nothing is ever added. ``raw`` has no blanks."""
    if bytes(raw[:1] if isinstance(raw, bytes) else memoryview(raw)[:1]) != b"{":
        return msgspec.Raw(bytes(raw))
    found: dict[str, msgspec.Raw] = {}
    for key, value in _MEMBERS.decode(raw).items():
        rule = rules.get(key.casefold())
        kept = value if rule is None else rule(value)
        if kept is not None:
            found[key] = kept
    return msgspec.Raw(_encode(found))


def into(rules: Rules) -> Rule:
    """The member is an object with rules of its own."""
    return lambda value: rewritten(value, rules)


def each(rules: Rules) -> Rule:
    """The member is a list of objects with rules of their own."""

    def apply(value: msgspec.Raw) -> msgspec.Raw:
        if bytes(memoryview(value)[:1]) != b"[":
            return value
        return msgspec.Raw(_encode([rewritten(one, rules) for one in _ELEMENTS.decode(value)]))

    return apply


def by(change: Callable[[str], str]) -> Rule:
    """The member is text, and becomes what it is changed to; what is no text is left out."""

    def apply(value: msgspec.Raw) -> msgspec.Raw | None:
        text: Any = msgspec.json.decode(value)
        return msgspec.Raw(_encode(change(text))) if isinstance(text, str) else None

    return apply


def to(value: Any) -> Rule:
    """The member becomes this."""
    return lambda _: msgspec.Raw(_encode(value))


def dropped(_: msgspec.Raw) -> None:
    """The member is left out."""
