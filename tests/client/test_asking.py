"""What a call sends, what it gives, and what it raises: the same with either client."""

import json
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest

from postroad.client import ApiError, Client, NoAnswer

ORGANIZATION = {"id": 7, "name": "Andes"}
PROBLEM = {
    "type": "/reference/errors/#invalid",
    "title": "What the body says cannot be",
    "status": 422,
    "detail": "name: too long",
    "errors": [{"pointer": "/name", "detail": "too long"}],
}


def good(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ORGANIZATION, headers={"ETag": '"v1"'})


def problem(_request: httpx.Request) -> httpx.Response:
    content = json.dumps(PROBLEM).encode()
    return httpx.Response(422, content=content, headers={"Content-Type": "application/problem+json"})


def test_an_answer_is_a_struct_and_keeps_its_entity_tag(asking: Any) -> None:
    got = asking(good, lambda client: client.get_organization("Andes"))
    assert (got.id, got.name, got.etag) == (7, "Andes", '"v1"')
    asking(good, lambda client: client.put_organization(got.id, name="Andes", if_match=got.etag))
    sent = asking.requests[-1]
    assert (sent.method, str(sent.url)) == ("PUT", "https://hub.example/api/v1/organizations/7")
    assert (sent.headers["If-Match"], json.loads(sent.content)) == ('"v1"', {"name": "Andes"})


def test_what_is_not_said_is_not_sent(asking: Any) -> None:
    asking(good, lambda client: client.put_organization("Andes"))
    assert json.loads(asking.requests[0].content) == {}


def test_the_token_is_shown_to_the_hub_and_to_nobody_else(
    asking: Any, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine hub.example login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    asking(good, lambda client: client.get_organization("Andes"))
    assert asking.requests[0].headers["Authorization"] == f"Bearer {token}"
    with pytest.raises(ApiError) as refused:
        asking(problem, lambda client: client.get_organization("Andes"))
    with Client("https://hub.example", token) as client:
        shown = [repr(client), repr(vars(client)), *traceback.format_exception(refused.value)]
    assert not any(token in text for text in shown)
    with pytest.raises(ValueError, match="token") as wrong:
        Client("https://hub.example", token + "\n")
    assert token not in str(wrong.value)


def test_a_redirect_is_not_followed_with_the_token(asking: Any) -> None:
    with pytest.raises(ApiError) as refused:
        asking(
            lambda _: httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
            lambda client: client.get_organization("Andes"),
        )
    assert (refused.value.status, len(asking.requests)) == (302, 1)


def test_a_problem_says_which_fields_are_wrong(asking: Any) -> None:
    with pytest.raises(ApiError, match="422 What the body says cannot be: name: too long") as refused:
        asking(problem, lambda client: client.put_organization("Andes", name="x" * 101))
    error = refused.value
    assert (error.status, error.kind, error.pointers) == (422, "invalid", ["/name"])
    assert error.errors == (("/name", "too long"),)


@pytest.mark.parametrize("content_type", ["text/html", "application/problem+json"])
def test_what_no_hub_says_is_told_by_its_status(asking: Any, content_type: str) -> None:
    page = httpx.Response(403, content=b"<html>", headers={"Content-Type": content_type})
    with pytest.raises(ApiError) as refused:
        asking(lambda _: page, lambda client: client.get_organization("Andes"))
    assert (str(refused.value), refused.value.kind) == ("403 Forbidden", "")


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"id": "seven", "name": "Andes"}', b""])
def test_an_answer_that_cannot_be_read_is_none(asking: Any, content: bytes) -> None:
    with pytest.raises(NoAnswer, match="Organization"):
        asking(lambda _: httpx.Response(200, content=content), lambda client: client.get_organization("Andes"))


def test_what_a_newer_hub_adds_is_passed_over(asking: Any) -> None:
    newer = httpx.Response(200, json={**ORGANIZATION, "motto": "Onwards"})
    assert asking(lambda _: newer, lambda client: client.get_organization("Andes")).name == "Andes"


def test_a_name_stands_in_the_path_as_it_is(asking: Any) -> None:
    asking(good, lambda client: client.get_organization("Ñandú / 100 %?#"))
    assert asking.requests[0].url.raw_path == b"/api/v1/organizations/%C3%91and%C3%BA%20%2F%20100%20%25%3F%23"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_never_leads_elsewhere(asking: Any, name: str) -> None:
    with pytest.raises(ValueError, match="elsewhere"):
        asking(good, lambda client: client.delete_provider("Andes", name))
    assert asking.requests == []


def test_a_list_goes_on_from_page_to_page_as_it_is_read(asking: Any) -> None:
    def pages(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("cursor", "0"))
        item = {"id": number, "name": f"number {number}"}
        return httpx.Response(200, json={"items": [item], "next_cursor": str(number + 1) if number < 2 else None})

    listed = asking(pages, lambda client: client.list_organizations(limit=1))
    assert [one.id for one in listed] == [0, 1, 2]
    assert [dict(one.url.params) for one in asking.requests] == [
        {"limit": "1"},
        {"limit": "1", "cursor": "1"},
        {"limit": "1", "cursor": "2"},
    ]


@pytest.mark.parametrize(
    "address", ["hub.example", "ftp://hub.example", "https://", "https://x:y@hub.example", "https://hub.example?a=b"]
)
def test_an_address_that_is_none_is_refused(address: str, token: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Client(address, token)
