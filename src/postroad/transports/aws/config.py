"""How SNS and SQS are reached, as an operator writes it: the access key, secret key, region and topic ARN of Amazon."""

import re
from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from postroad.transports.auth import Secret

MAX_REQUEST_BYTES: Final = 262_144
"""Of all messages of a request, their attributes included. SQS can take more by now, SNS and older queues cannot."""
ENVELOPE_BYTES: Final = 16_384
"""Kept free of a message's size for its attributes and its group."""
MAX_MESSAGE_BYTES: Final = MAX_REQUEST_BYTES - ENVELOPE_BYTES
FIFO: Final = ".fifo"
"""How the name of every FIFO topic and queue ends, and no other's."""

_TOPIC_ARN: Final = r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$"
_ROLE_ARN: Final = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\x21-\x7e]{1,576}$"
_QUEUE_URL: Final = r"^https?://[^/\s?#@]+/([^\s?#]+/)?[A-Za-z0-9_-]{1,80}(\.fifo)?$"
_QUEUE_HOST: Final = re.compile(r"(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_SECRETS: Final = ("secret_key", "session_token")

_ATTRIBUTE_NAME: Final = r"^(?![Aa][Ww][Ss]\.|[Aa][Mm][Aa][Zz][Oo][Nn]\.)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
"""Neither Amazon's own, nor with periods at an end or in a row: SQS refuses a message that has such a one."""

_AttributeName = Annotated[str, Meta(pattern=_ATTRIBUTE_NAME, max_length=128)]
_AttributeText = Annotated[str, Meta(min_length=1, max_length=512)]
_TopicArn = Annotated[str, Meta(pattern=_TOPIC_ARN, description="arn:aws:sns:REGION:ACCOUNT:TOPIC.")]
_QueueUrl = Annotated[str, Meta(pattern=_QUEUE_URL, description="https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE.")]
_Attributes = Annotated[
    dict[_AttributeName, _AttributeText],
    Meta(max_length=4, description="More attributes of every message, as texts."),
]


class AwsAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every use of Amazon's services needs: who we are, and where they are."""

    access_key: Annotated[str, Meta(min_length=1, description="An access key's id.")] | None = None
    """``None``: the machine's own credentials, found as every SDK of Amazon finds them."""
    secret_key: Annotated[Secret, Meta(description="The access key's secret.")] | None = None
    session_token: Annotated[Secret, Meta(description="Of temporary credentials.")] | None = None
    profile: (
        Annotated[
            str,
            Meta(min_length=1, description="Instead: a profile of the machine's AWS config, which can name a role."),
        ]
        | None
    ) = None
    role_arn: (
        Annotated[
            str, Meta(pattern=_ROLE_ARN, description="A role that is assumed with these credentials: its are used.")
        ]
        | None
    ) = None
    external_id: (
        Annotated[
            str, Meta(pattern=r"^[\w+=,.@:/-]{2,1224}$", description="What the role's owner wants named with it.")
        ]
        | None
    ) = None
    sts_endpoint: Annotated[
        str | None, Meta(description="Another https URL of STS, which is asked for the role; its CA is ca_file too.")
    ] = None
    region: (
        Annotated[
            str, Meta(pattern="^[a-z0-9-]+$", description="Such as eu-west-1; without it the ARN's or the URL's.")
        ]
        | None
    ) = None
    endpoint: Annotated[
        str | None, Meta(description="Another https URL: a private link; http to an emulator on this machine only.")
    ] = None
    ca_file: Annotated[str | None, Meta(description="PEM file of the authority of the endpoint's certificate.")] = None
    timeout_s: Annotated[float, Meta(gt=0, le=600, description="For one request, in seconds.")] = 30.0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, or would go through a network in the clear."""
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key go together")
        if self.session_token is not None and self.access_key is None:
            raise ValueError("session_token goes with access_key and secret_key")
        if self.profile is not None and self.access_key is not None:
            raise ValueError("give either profile or access_key")
        for field in ("external_id", "sts_endpoint"):
            if getattr(self, field) is not None and self.role_arn is None:
                raise ValueError(f"{field} goes with role_arn")
        for field in ("endpoint", "sts_endpoint"):
            if (url := getattr(self, field)) is not None:
                _check_url(url, field)

    def secrets(self) -> Iterator[str]:
        """What must not appear in a detail."""
        yield from (given for name in _SECRETS if (given := getattr(self, name)) is not None)

    def __repr__(self) -> str:
        """Without the secrets."""
        given = {name: getattr(self, name) for name in self.__struct_fields__ if name not in _SECRETS}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in given.items())})"


class SnsConfig(AwsAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic to publish to. Whether it is FIFO its ARN says."""

    topic_arn: _TopicArn
    attributes: _Attributes = {}

    @property
    def fifo(self) -> bool:
        """It keeps the order within a group, and messages name theirs."""
        return self.topic_arn.endswith(FIFO)

    @property
    def region_name(self) -> str:
        """Where the topic is."""
        return self.region or self.topic_arn.split(":")[3]


class SqsAccess(AwsAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A queue. Whether it is FIFO its URL says."""

    queue_url: _QueueUrl

    def __post_init__(self) -> None:
        """A region there must be: requests are signed for it."""
        super().__post_init__()
        _check_url(self.queue_url, "queue_url")
        if not self.region_name:
            raise ValueError("queue_url names no region: give region")

    @property
    def fifo(self) -> bool:
        """It keeps the order within a group, and messages name theirs."""
        return self.queue_url.endswith(FIFO)

    @property
    def region_name(self) -> str:
        """Where the queue is; ``""``: unknown."""
        found = _QUEUE_HOST.fullmatch(urlsplit(self.queue_url).hostname or "")
        return self.region or (found[1] or found[2] if found else "")


class SqsConfig(SqsAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A queue to send to."""

    attributes: _Attributes = {}


class SqsReceiveConfig(SqsAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A queue to receive from."""

    sns_envelope: Annotated[
        bool, Meta(description="A topic fills the queue without raw message delivery: each body is SNS's envelope.")
    ] = False
    visibility_timeout_s: Annotated[
        int, Meta(ge=1, le=43_200, description="How long a received message is hidden; renewed while it is taken in.")
    ] = 60
    wait_s: Annotated[int, Meta(ge=1, le=20, description="How long a request waits for messages, in seconds.")] = 20
    """0 would ask an empty queue without a pause."""


class SnsPushConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a topic's HTTPS subscription shows: messages that Amazon signed, from this topic."""

    topic_arn: _TopicArn
    endpoint: Annotated[
        str | None,
        Meta(description="In place of Amazon's hosts, an https URL: where certificates and confirmations may be."),
    ] = None
    ca_file: Annotated[str | None, Meta(description="PEM file of the authority of the endpoint's certificate.")] = None

    def __post_init__(self) -> None:
        """What vouches for signatures is never fetched in the clear."""
        if self.endpoint is not None and urlsplit(self.endpoint).scheme != "https":
            raise ValueError("endpoint is no https URL")


def _check_url(url: str, field: str) -> None:
    parsed = urlsplit(url)
    is_here = parsed.scheme == "http" and parsed.hostname in _LOOPBACK
    if not parsed.hostname or parsed.username or not (parsed.scheme == "https" or is_here):
        raise ValueError(f"{field} is no https URL, nor http to this machine")
