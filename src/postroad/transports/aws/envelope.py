"""The JSON that SNS wraps a message in, for queues and HTTPS subscriptions without raw message delivery.

Source   Amazon, "Parsing Amazon SNS message formats" and "Verifying the signatures of Amazon SNS messages".
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from postroad.transports.receiving import NOT_JSON

_Text = Annotated[str, Meta(max_length=2048)]
_SIGNED: Final = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_NOTIFICATION_SIGNED: Final = tuple(name for name in _SIGNED if name not in ("SubscribeURL", "Token"))
_CONFIRMATION_SIGNED: Final = tuple(name for name in _SIGNED if name != "Subject")


class Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A message of a topic, or about a subscription."""

    type: Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
    message_id: _Text
    topic_arn: _Text
    message: str
    timestamp: _Text
    subject: str | UnsetType = UNSET
    token: _Text | UnsetType = UNSET
    subscribe_url: _Text | UnsetType = msgspec.field(name="SubscribeURL", default=UNSET)
    signature_version: Literal["1", "2"]
    signature: _Text
    signing_cert_url: _Text = msgspec.field(name="SigningCertURL")

    def signed(self) -> bytes:
        """What the signature is of: names and values in the order of the names, each on a line."""
        given = msgspec.to_builtins(self)
        names = _NOTIFICATION_SIGNED if self.type == "Notification" else _CONFIRMATION_SIGNED
        return "".join(f"{name}\n{given[name]}\n" for name in names if name in given).encode()


class _Notification(msgspec.Struct, rename="pascal"):
    """All that counts of an envelope whose queue vouches for it."""

    message: str
    type: Literal["Notification"]


envelopes: Final = msgspec.json.Decoder(Envelope)
_notifications: Final = msgspec.json.Decoder(_Notification)


def unwrapped(body: bytes) -> bytes:
    """The message within an envelope; what is none stays as it is, to be kept in quarantine whole."""
    try:
        return _notifications.decode(body).message.encode()
    except NOT_JSON:
        return body
