"""How Pub/Sub is reached, as an operator writes it: Google's own names, and a key file's text pasted whole."""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from postroad.transports.auth import Secret

HOST: Final = "pubsub.googleapis.com:443"
MAX_MESSAGE_BYTES: Final = 10_000_000 - 65_536
"""Of a message's data: a request may hold 10 MB in all, attributes and framing included."""
GOOGLE_CERTS: Final = "https://www.googleapis.com/oauth2/v1/certs"

_ID = r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}"
_TOPIC = rf"^projects/[^/\s]+/topics/{_ID}$"
_SUBSCRIPTION = rf"^projects/[^/\s]+/subscriptions/{_ID}$"
_ENDPOINT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}")


class PubSubAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every use of Pub/Sub needs: who we are, and where it is."""

    service_account_key: (
        Annotated[Secret, Meta(description="A service account's key file, its JSON pasted whole.")] | None
    ) = None
    """``None``: Google's default credentials, such as workload identity or the machine's own service account."""
    endpoint: (
        Annotated[str, Meta(description="Another host and port: regional, a private link, or an emulator.")] | None
    ) = None
    plaintext: Annotated[
        bool, Meta(description="Speak without TLS, and without credentials: to an emulator at endpoint only.")
    ] = False
    ca_file: Annotated[str | None, Meta(description="PEM file of the authority of the endpoint's certificate.")] = None
    timeout_s: Annotated[float, Meta(gt=0, le=600, description="For one request, in seconds.")] = 30.0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, or can never be reached."""
        if self.endpoint is not None and not _ENDPOINT.fullmatch(self.endpoint):
            raise ValueError("endpoint is no host and port, such as localhost:8085")
        if self.plaintext and self.endpoint is None:
            raise ValueError("plaintext is for an emulator: give its endpoint")
        if self.plaintext and (self.service_account_key is not None or self.ca_file is not None):
            raise ValueError("plaintext goes with neither service_account_key nor ca_file")

    def __repr__(self) -> str:
        """Without the secret."""
        given = {name: getattr(self, name) for name in self.__struct_fields__ if name != "service_account_key"}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in given.items())})"


class PubSubConfig(PubSubAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic to publish to."""

    topic: Annotated[str, Meta(pattern=_TOPIC, description="projects/PROJECT/topics/TOPIC.")]
    ordering_keys: Annotated[
        bool,
        Meta(description="Each message holds events of one subject, whose ordering key keeps them in order."),
    ] = False
    attributes: Annotated[
        dict[Annotated[str, Meta(max_length=256)], Annotated[str, Meta(max_length=1024)]],
        Meta(max_length=80, description="More attributes of every message."),
    ] = {}


class PubSubPullConfig(PubSubAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subscription to pull from."""

    subscription: Annotated[
        str, Meta(pattern=_SUBSCRIPTION, description="projects/PROJECT/subscriptions/SUBSCRIPTION.")
    ]
    max_messages: Annotated[int, Meta(ge=1, le=1000, description="Messages taken at once, at most.")] = 1000


class PubSubPushConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a subscription that pushes shows: a token that Google signed for its service account."""

    service_account_email: Annotated[str, Meta(min_length=3, description="Of the subscription's push authentication.")]
    audience: Annotated[str, Meta(min_length=1, description="As the subscription's push authentication has it.")]
    certs_url: Annotated[
        str, Meta(pattern="^https://", description="Where the certificates of the token's signer are.")
    ] = GOOGLE_CERTS
    ca_file: Annotated[str | None, Meta(description="PEM file of the authority of certs_url's certificate.")] = None
