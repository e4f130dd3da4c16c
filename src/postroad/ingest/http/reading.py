"""What pages read of a request, within bounds."""

from starlette.requests import ClientDisconnect, Request


async def body_of(request: Request, *, most_bytes: int) -> bytes | None:
    """The body; ``None`` if it is too large, which is known before it is all there, or nobody waits for an answer."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most_bytes:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def media_type_of(request: Request) -> str:
    """What the body is said to be, without parameters, in lower case; empty if nothing is said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def address_of(request: Request) -> str | None:
    """The peer's address as it is; a bound goes by ``postroad.ingest.http.limits.client_key`` of it."""
    return None if request.client is None else request.client.host
