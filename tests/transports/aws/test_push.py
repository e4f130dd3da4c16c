"""What an SNS topic pushes: whose signature is taken, the handshake, and what each message is answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from fixtures.cloud_aws import Aws
from fixtures.remote import Remote, Reply, Request, StartRemote
from postroad.egress.client import EgressClient
from postroad.transports import PUSHES
from postroad.transports.receiving import Push, PushRequest, Received, ReceiverMeans, Take, Verdict
from servers.sns_signer import Signer

TOPIC = "arn:aws:sns:eu-west-1:123456789012:trips"
OURS, OTHER = Signer(), Signer()
PEM = "/SimpleNotificationService-0815.pem"


def opened(egress: EgressClient, clock: Any, tell: Any, **config: Any) -> Push:
    means = ReceiverMeans(
        clock=clock,
        random=lambda: 0.0,
        egress=egress,
        checkpoints=None,  # type: ignore[arg-type]  # a push keeps none
        tell=tell,
    )
    return PUSHES["sns"].open(msgspec.convert(config, PUSHES["sns"].config_type), means)


async def pushed(push: Push, body: bytes, take: Take, topic: str = TOPIC) -> int:
    request = PushRequest(method="POST", headers={"x-amz-sns-topic-arn": topic}, query={}, body=body)
    return (await push.refuses(request) or await push.answer(request, take)).status


class Site:
    """A push, and a host of Amazon's."""

    def __init__(self, remote: Remote, egress: EgressClient, clock: Any, ca_file: str) -> None:
        self.told: list[str | None] = []
        self.remote = remote
        self.clock = clock
        self.taken: list[Received] = []
        self.verdict: Verdict = "stored"
        self.push = opened(egress, clock, self.told.append, topic_arn=TOPIC, endpoint=remote.url, ca_file=ca_file)
        self.certificate = Reply(body=OURS.certificate)
        self.confirmation = Reply()
        remote.answer = lambda request: self.certificate if request.path.endswith(".pem") else self.confirmation

    async def take(self, received: Received) -> Verdict:
        self.taken.append(received)
        return self.verdict

    def fields(self, **fields: Any) -> dict[str, Any]:
        given = {
            "Type": "Notification",
            "MessageId": "4711",
            "TopicArn": TOPIC,
            "Message": '[{"id":1}]',
            "Timestamp": "2026-11-22T12:00:00.000Z",
            "SignatureVersion": "1",
            "SigningCertURL": self.remote.url + PEM,
            "UnsubscribeURL": f"{self.remote.url}/?Action=Unsubscribe",
        }
        return {name: value for name, value in (given | fields).items() if value is not None}

    def handshake(self, **fields: Any) -> dict[str, Any]:
        url = f"{self.remote.url}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t0k3n"
        return self.fields(**{"Type": "SubscriptionConfirmation", "Token": "t0k3n", "SubscribeURL": url} | fields)

    async def send(self, fields: dict[str, Any], signer: Signer = OURS) -> int:
        return await pushed(self.push, signer.sign(fields), self.take)

    @property
    def asked(self) -> list[str]:
        return [request.path for request in self.remote.requests]


@pytest.fixture
async def site(remote: Remote, egress: EgressClient, ca_file: str, clock: Any) -> AsyncIterator[Site]:
    site = Site(remote, egress, clock, ca_file)
    yield site
    await site.push.close()


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "a trip", ""])
async def test_a_message_that_is_signed_in_either_version_is_taken_in_as_it_is(
    site: Site, version: str, subject: str | None
) -> None:
    assert await site.send(site.fields(SignatureVersion=version, Subject=subject)) == 204
    assert site.taken == [Received(body=b'[{"id":1}]', request_id="4711")]
    assert site.told == [None]


@pytest.mark.parametrize(("verdict", "status"), [("stored", 204), ("unreadable", 204), ("later", 503)])
async def test_only_what_is_kept_is_acknowledged(site: Site, verdict: Verdict, status: int) -> None:
    site.verdict = verdict
    assert await site.send(site.fields()) == status


@pytest.mark.parametrize("version", ["1", "2"])
async def test_another_s_signature_is_refused(site: Site, version: str) -> None:
    assert await site.send(site.fields(SignatureVersion=version), OTHER) == 401
    assert site.taken == []


@pytest.mark.parametrize("name", ["Message", "MessageId", "Subject", "Timestamp", "Type"])
async def test_whatever_is_changed_after_it_was_signed_is_refused(site: Site, name: str) -> None:
    signed = json.loads(OURS.sign(site.fields(Subject="a trip")))
    changed = "UnsubscribeConfirmation" if name == "Type" else signed[name] + "x"
    assert await pushed(site.push, json.dumps(signed | {name: changed}).encode(), site.take) == 401
    assert site.taken == []


async def test_a_signature_of_one_version_is_none_of_the_other(site: Site) -> None:
    for version, other in (("1", "2"), ("2", "1")):
        signed = json.loads(OURS.sign(site.fields(SignatureVersion=version)))
        body = json.dumps(signed | {"SignatureVersion": other}).encode()
        assert await pushed(site.push, body, site.take) == 401
    assert site.taken == []


@pytest.mark.parametrize(
    "change",
    [{"Signature": None}, {"Signature": ""}, {"Signature": "%%%"}, {"SignatureVersion": "3"}, {"SigningCertURL": None}],
    ids=str,
)
async def test_what_is_not_signed_is_refused(site: Site, change: dict[str, Any]) -> None:
    signed = {**json.loads(OURS.sign(site.fields())), **change}
    body = json.dumps({name: value for name, value in signed.items() if value is not None}).encode()
    assert await pushed(site.push, body, site.take) == 401
    assert site.taken == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"Type":"Notification"}',
        b"\xff",
        b'{"Message":"\xff"}',
        b'{"a":' + b"[" * 9999,
    ],
    ids=range(8),
)
async def test_what_is_no_envelope_is_refused(site: Site, body: bytes) -> None:
    assert await pushed(site.push, body, site.take) == 401


async def test_another_topic_s_message_is_refused_and_nothing_is_fetched(site: Site) -> None:
    assert await site.send(site.fields(TopicArn=f"{TOPIC}s")) == 401
    assert site.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "https://attacker.example" + PEM,
        "http://{host}" + PEM,
        "https://{host}@attacker.example" + PEM,
        "https://attacker.example:443@{host}" + PEM,
        "https://{host}.attacker.example" + PEM,
        "https://{host}/other",
        "https://{host}/certificate?name=x.pem",
        "https://[" + PEM,
    ],
)
async def test_a_certificate_of_another_host_is_never_asked_for(site: Site, url: str) -> None:
    host = site.remote.url.removeprefix("https://")
    assert await site.send(site.fields(SigningCertURL=url.format(host=host))) == 401
    assert site.asked == []
    assert site.taken == []


@pytest.mark.parametrize(
    ("topic", "url", "taken"),
    [
        (TOPIC, "https://sns.eu-west-1.amazonaws.com", True),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com:443", True),
        (TOPIC, "https://sns.us-east-1.amazonaws.com", False),
        (TOPIC, "https://s3.eu-west-1.amazonaws.com", False),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com.attacker.example", False),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com:8443", False),
        (TOPIC.replace("aws", "aws-cn"), "https://sns.eu-west-1.amazonaws.com.cn", True),
        (TOPIC.replace("aws", "aws-cn"), "https://sns.eu-west-1.amazonaws.com", False),
    ],
)
async def test_without_an_endpoint_only_amazon_s_host_of_the_topic_s_region_is_asked(
    site: Site, clock: Any, topic: str, url: str, taken: bool
) -> None:
    async def no_names(host: str, port: int) -> list[str]:
        raise OSError(f"{host}:{port} is not known")

    egress = EgressClient(clock=clock, lookup=no_names)
    push = opened(egress, clock, site.told.append, topic_arn=topic)
    body = OURS.sign(site.fields(TopicArn=topic, SigningCertURL=url + PEM))
    status = await pushed(push, body, site.take, topic)
    assert status == (503 if taken else 401)
    assert bool(site.told) == taken
    await egress.close()


async def test_a_certificate_is_fetched_once_and_again_after_a_day(site: Site) -> None:
    for _ in range(3):
        assert await site.send(site.fields()) == 204
    assert site.asked == [PEM]
    site.clock.advance(86_401)
    assert await site.send(site.fields()) == 204
    assert site.asked == [PEM, PEM]


async def test_made_up_certificates_are_asked_for_every_ten_seconds_at_most_and_do_not_push_out_a_known_one(
    site: Site,
) -> None:
    assert await site.send(site.fields()) == 204
    site.certificate = Reply(404)
    for number in range(20):
        assert await site.send(site.fields(SigningCertURL=f"{site.remote.url}/{number}.pem"), OTHER) == 503
    assert await site.send(site.fields()) == 204
    assert site.asked == [PEM]
    site.clock.advance(11)
    assert await site.send(site.fields(SigningCertURL=f"{site.remote.url}/99.pem"), OTHER) == 401
    assert site.asked == [PEM, "/99.pem"]


async def test_a_certificate_that_cannot_be_had_now_has_the_message_come_again(site: Site) -> None:
    site.certificate = Reply(503)
    assert await site.send(site.fields()) == 503
    assert site.told == ["the certificate of a push's signature cannot be fetched: answered 503"]
    site.certificate = Reply(body=OURS.certificate)
    site.clock.advance(11)
    assert await site.send(site.fields()) == 204
    assert site.told[-1] is None


@pytest.mark.parametrize("body", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
async def test_what_is_no_certificate_vouches_for_nothing(site: Site, body: bytes) -> None:
    site.certificate = Reply(body=body)
    assert await site.send(site.fields()) == 401


async def test_a_subscription_is_confirmed_by_the_url_that_the_topic_gives(site: Site) -> None:
    assert await site.send(site.handshake()) == 204
    assert site.asked[1:] == [f"/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t0k3n"]
    assert site.taken == []
    assert site.told == [None]


async def test_a_handshake_that_others_signed_confirms_nothing(site: Site) -> None:
    assert await site.send(site.handshake(), OTHER) == 401
    assert site.asked == [PEM]


@pytest.mark.parametrize("url", ["https://attacker.example/", "http://169.254.169.254/", None])
async def test_a_confirmation_of_another_host_is_never_asked_for(site: Site, url: str | None) -> None:
    assert await site.send(site.handshake(SubscribeURL=url)) == 401
    assert site.asked == [PEM]


async def test_a_confirmation_that_fails_is_told_and_comes_again(site: Site) -> None:
    site.confirmation = Reply(500)
    assert await site.send(site.handshake()) == 503
    assert site.told == ["the subscription cannot be confirmed: answered 500"]


async def test_the_end_of_a_subscription_is_told(site: Site) -> None:
    assert await site.send(site.handshake(Type="UnsubscribeConfirmation")) == 204
    assert site.told == ["the subscription was ended: subscribe the topic again"]


@pytest.mark.parametrize("version", ["1", "2"])
async def test_what_localstack_signs_is_taken_from_the_handshake_on(
    aws: Aws, start_remote: StartRemote, egress: EgressClient, clock: Any, ca_file: str, version: str
) -> None:
    """Somebody else's signatures, with and without a subject; its certificate and its confirmation are fetched."""
    taken: list[bytes] = []
    statuses: asyncio.Queue[int] = asyncio.Queue()

    async def take(received: Received) -> Verdict:
        taken.append(received.body)
        return "stored"

    async def answer(request: Request) -> Reply:
        status = await pushed(push, request.body, take, request.headers.get("x-amz-sns-topic-arn", ""))
        statuses.put_nowait(status)
        return Reply(status, b"")

    topic = await aws.topic()
    await aws.sns("SetTopicAttributes", TopicArn=topic, AttributeName="SignatureVersion", AttributeValue=version)
    push = opened(egress, clock, lambda _wrong: None, topic_arn=topic, endpoint=aws.remote.url, ca_file=ca_file)
    hub = await start_remote(None)
    hub.answer = answer
    async with asyncio.timeout(30):
        await aws.sns("Subscribe", TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{hub.port}/in/sns/1")
        assert await statuses.get() == 204
        for subject in ({}, {"Subject": "a trip"}):
            await aws.sns("Publish", TopicArn=topic, Message='[{"id":"\u00e9"}]', **subject)
            assert await statuses.get() == 204
    assert taken == ['[{"id":"\u00e9"}]'.encode()] * 2
    await push.close()
