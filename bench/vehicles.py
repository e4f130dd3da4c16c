"""The events that are sent: GPS reports with most of the documented fields, each different from every other."""

import datetime as dt
from random import Random

PATH = "/provider/event/new/"
PLATES = 500

_BODY = (
    '{"plate":"BENCH%03d","buff":false,"datetime":"%s","latitude":%.6f,"longitude":%.6f,"speed":%.1f,"azimuth":%.1f,'
    '"altitude":%.1f,"state":"Ignition On Moving","event":{"type":"GPS"},"ign_input":true,"doors":false,'
    '"gps_status":true,"odometer":%.1f,"hourmeter":%.1f,"battery":%.1f,"power_supply":%.2f,"temperature1":%.1f,'
    '"fuel_percentage":%.1f,"mcc":730,"mnc":1,"lac":%d,"cid":%d}'
)
_REQUEST = (
    b"POST /provider/event/new/ HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n"
    b"content-type: application/json\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
)


def body(number: int, recorded_ms: int) -> bytes:
    """Event ``number``: of one of ``PLATES`` vehicles, recorded at a Unix time in ms. Repeatable."""
    random = Random(number).random
    moment = dt.datetime.fromtimestamp(recorded_ms / 1000, dt.UTC)
    when = f"{moment:%Y-%m-%dT%H:%M:%S}.{recorded_ms % 1000:03d}Z"
    return (
        _BODY
        % (
            *(number % PLATES, when, -33.4 - random() / 5, -70.6 - random() / 5, random() * 120, random() * 360),
            *(500 + random() * 90, 180_000 + number / 50, 5_000 + number / 900, random() * 100, 12 + random() * 2),
            *(random() * 30 - 5, random() * 100, random() * 65_000, random() * 200_000_000),
        )
    ).encode()


def bodies(first: int, count: int, began_ms: int) -> list[bytes]:
    """Events ``first`` to ``first + count - 1``: number n was recorded n ms after ``began_ms``."""
    return [body(number, began_ms + number) for number in range(first, first + count)]


def request(token: str, event: bytes) -> bytes:
    """The whole request, as bytes."""
    return _REQUEST % (token.encode(), len(event), event)
