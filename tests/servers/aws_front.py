"""Stands before LocalStack, over TLS: checks what LocalStack does not (signatures of requests), and fails when told to.

Source   Amazon, "Signature Version 4 signing process"; the query protocol of SNS, the JSON protocol of SQS.
"""

import asyncio
import hashlib
import hmac
import json
import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

import aiohttp

from fixtures.remote import Remote, Reply, Request

ACCESS_KEY: Final = "AKIAHUBOFTESTS000001"
SECRET_KEY: Final = "wJalrXUtnFEMI0K7MDENG0bPxRfiCYTESTKEY001"
REGION: Final = "us-east-1"
SENDS: Final = ("PublishBatch", "SendMessageBatch")
_ENTRY: Final = re.compile(r"PublishBatchRequestEntries\.member\.(\d+)\.(.+)")
_XMLNS: Final = "http://sns.amazonaws.com/doc/2010-03-31/"


class Cut(OSError):
    """Ends the connection: a ``Remote`` closes it without a word."""


class AwsFront:
    """Answers at ``remote``; what it does not refuse LocalStack answers."""

    def __init__(self, remote: Remote, behind: str) -> None:
        self.remote = remote
        self.calls = 0
        """Requests that brought messages."""
        self.faults: deque[tuple[int, str]] = deque()
        """Status and code that the next requests are answered."""
        self.poison: bytes | None = None
        self.cut_after_send = False
        self.confirmed: list[str] = []
        """Message ids that the service gave what it took."""
        self.handed_out: dict[str, bytes] = {}
        """By receipt handle: the bodies of messages that went out to receivers."""
        self.deleted: list[bytes] = []
        self.heard: Callable[[], None] = lambda: None
        """Called when messages were deleted, before that is answered."""
        self.silent = False
        """No message that somebody sends is taken, nor is he answered."""
        self._resend_ids: set[str | None] = set()
        self._behind = behind
        self._session = aiohttp.ClientSession(auto_decompress=False)
        remote.answer = self.answer

    async def close(self) -> None:
        await self._session.close()

    async def answer(self, request: Request) -> Reply:
        operation = _operation(request)
        if operation is None:
            return await self._forward(request)  # a certificate, or a subscription's confirmation: anybody may ask
        if not is_signed(request):
            return refusal(request, 403, "SignatureDoesNotMatch", f"The string to sign was {request.path}")
        if self.faults:
            return refusal(request, *self.faults.popleft(), "as the test wants it")
        if operation in SENDS:
            self.calls += 1
            if self.silent:
                await asyncio.Event().wait()
            return await (self._publish(request) if operation == "PublishBatch" else self._send(request))
        reply = await self._forward(request)
        if operation == "ReceiveMessage":
            received = json.loads(reply.body).get("Messages", [])
            self.handed_out |= {one["ReceiptHandle"]: one["Body"].encode() for one in received}
        if operation == "DeleteMessageBatch":
            handles = {entry["Id"]: entry["ReceiptHandle"] for entry in json.loads(request.body)["Entries"]}
            for entry in json.loads(reply.body).get("Successful", []):
                self.deleted.append(self.handed_out[handles[entry["Id"]]])
            self.heard()
        return reply

    async def _publish(self, request: Request) -> Reply:
        """SNS: a form in, XML out."""
        rest: list[tuple[str, str]] = []
        entries: dict[int, dict[str, str]] = {}
        for name, value in parse_qsl(request.body.decode(), keep_blank_values=True):
            if found := _ENTRY.fullmatch(name):
                entries.setdefault(int(found[1]), {})[found[2]] = value
            else:
                rest.append((name, value))
        good = [entry for entry in entries.values() if not self._is_poisoned(entry["Message"])]
        refused = "".join(
            f"<member><Id>{entry['Id']}</Id><Code>InvalidParameter</Code><Message>poison</Message>"
            f"<SenderFault>true</SenderFault></member>"
            for entry in entries.values()
            if entry not in good
        )
        if good:
            form = rest + [
                (f"PublishBatchRequestEntries.member.{number}.{name}", value)
                for number, entry in enumerate(good, 1)
                for name, value in entry.items()
            ]
            reply = await self._forward(request, urlencode(form).encode())
            self._note(good, reply.body.decode())
        else:
            reply = Reply(
                body=f'<PublishBatchResponse xmlns="{_XMLNS}"><PublishBatchResult/></PublishBatchResponse>'.encode()
            )
        self._maybe_cut()
        if refused:
            text = re.sub("<Failed ?/>|<Failed></Failed>", "", reply.body.decode())
            text = text.replace("<PublishBatchResult/>", "<PublishBatchResult></PublishBatchResult>")
            text = text.replace("</PublishBatchResult>", f"<Failed>{refused}</Failed></PublishBatchResult>")
            reply = Reply(reply.status, text.encode(), reply.headers)
        return reply

    async def _send(self, request: Request) -> Reply:
        """SQS: JSON in and out."""
        asked = json.loads(request.body)
        good = [entry for entry in asked["Entries"] if not self._is_poisoned(entry["MessageBody"])]
        answer: dict[str, Any] = {}
        reply = Reply(headers={"Content-Type": "application/x-amz-json-1.0"})
        if good:
            reply = await self._forward(request, json.dumps(asked | {"Entries": good}).encode())
            if reply.status != 200:
                return reply
            answer = json.loads(reply.body)
        self._maybe_cut()
        answer.setdefault("Failed", []).extend(
            {"Id": entry["Id"], "Code": "InvalidMessageContents", "Message": "poison", "SenderFault": True}
            for entry in asked["Entries"]
            if entry not in good
        )
        return Reply(reply.status, json.dumps(answer).encode(), reply.headers)

    def _note(self, entries: list[dict[str, str]], answer: str) -> None:
        """What the topic took. A resend that it knows from a FIFO topic's ids has an id too, and never arrives."""
        ids = dict(zip(re.findall(r"<Id>([^<]+)", answer), re.findall(r"<MessageId>([^<]+)", answer), strict=True))
        for entry in entries:
            resend_id = entry.get("MessageDeduplicationId")
            if entry["Id"] in ids and (resend_id is None or resend_id not in self._resend_ids):
                self.confirmed.append(ids[entry["Id"]])
                self._resend_ids.add(resend_id)

    def _is_poisoned(self, text: str) -> bool:
        return self.poison is not None and self.poison in text.encode()

    def _maybe_cut(self) -> None:
        if self.cut_after_send:
            self.cut_after_send = False
            raise Cut

    async def _forward(self, request: Request, body: bytes | None = None) -> Reply:
        headers = {name: value for name, value in request.headers.items() if name not in ("content-length", "host")}
        async with self._session.request(
            request.method,
            self._behind + request.path,
            data=request.body if body is None else body,
            headers=headers | {"host": f"{self.remote.host}:{self.remote.port}"},
        ) as answer:
            return Reply(answer.status, await answer.read(), {"Content-Type": answer.headers.get("content-type", "")})


def _operation(request: Request) -> str | None:
    if target := request.headers.get("x-amz-target"):
        return target.partition(".")[2]
    return dict(parse_qsl(request.body.decode())).get("Action") if request.method == "POST" else None


def refusal(request: Request, status: int, code: str, message: str) -> Reply:
    """As the service that was asked says it."""
    if "x-amz-target" in request.headers:
        body = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": message}).encode()
        return Reply(status, body, {"Content-Type": "application/x-amz-json-1.0"})
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    text = f'<ErrorResponse xmlns="{_XMLNS}">{error}<RequestId>r</RequestId></ErrorResponse>'
    return Reply(status, text.encode(), {"Content-Type": "text/xml"})


def is_signed(request: Request) -> bool:
    """By ``SECRET_KEY``, in Signature Version 4."""
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
        r"SignedHeaders=(\S+), Signature=(\w+)",
        request.headers.get("authorization", ""),
    )
    if found is None or found[1] != ACCESS_KEY or found[3] != REGION:
        return False
    path, _, query = request.path.partition("?")
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in found[5].split(";"))
    payload = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join([request.method, path, query, headers, found[5], payload])
    scope = "/".join([found[2], found[3], found[4], "aws4_request"])
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{SECRET_KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hashed])
    return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), found[6])
