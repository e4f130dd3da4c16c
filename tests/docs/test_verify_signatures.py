"""The receivers' page: its examples verify what the hub signs, and nothing else."""

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest

from postroad.delivery.signing import Secret, signer_of

PAGE = "docs/how-to/verify-signatures.md"
NEW, OLD = ("whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
BODY = '[{"plate": "Ñ 1"}]'.encode()


@pytest.fixture(params=["with the library", "without"])
def is_genuine(request: pytest.FixtureRequest, blocks: Callable[[str, str], list[str]]) -> Any:
    with_library, without = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    exec(with_library if request.param == "with the library" else without, names)
    return names["is_genuine"]


def signed(*, age_s: int = 0) -> dict[str, str]:
    now_us = (int(time.time()) - age_s) * 1_000_000
    both = signer_of([Secret(value=NEW), Secret(value=OLD, expires_us=now_us + 1)])
    return dict(both.headers("bulk-17", BODY, now_us) or {})


@pytest.mark.parametrize("secret", [NEW, OLD], ids=["new", "old"])
def test_the_example_takes_what_is_signed_with_either_secret(is_genuine: Any, secret: str) -> None:
    assert is_genuine(secret, signed(), BODY)
    assert is_genuine(secret, {name.title(): value for name, value in signed().items()}, BODY)


def test_the_example_refuses_what_is_not_signed_so(is_genuine: Any) -> None:
    good = signed()
    assert not is_genuine(NEW, good, BODY + b" "), "another body"
    assert not is_genuine(NEW, good | {"webhook-id": "bulk-18"}, BODY), "another id"
    assert not is_genuine(NEW, good | {"webhook-timestamp": str(int(time.time()) - 1)}, BODY), "another time"
    assert not is_genuine(NEW, signed(age_s=301), BODY), "too old"
    assert not is_genuine(NEW, signed(age_s=-310), BODY), "of the future"
    assert not is_genuine(NEW, {}, BODY), "not signed at all"
    assert not is_genuine(NEW, good | {"webhook-timestamp": "soon"}, BODY), "no time"
    assert not is_genuine("whsec_" + base64.b64encode(bytes(32)).decode(), good, BODY), "another secret"
