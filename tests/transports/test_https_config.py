from typing import Any

import msgspec
import pytest

from postroad.transports.https import HttpsConfig

OAUTH = {
    "type": "oauth2_client_credentials",
    "token_url": "https://login.customer.example/token",
    "client_id": "abc",
    "client_secret": "s",
}


def config(**fields: Any) -> HttpsConfig:
    return msgspec.convert({"url": "https://customer.example/events", **fields}, HttpsConfig)


def test_a_url_is_enough() -> None:
    read = config()
    assert (read.timeout_s, read.connect_timeout_s, read.ca_file) == (30.0, 10.0, None)


def test_a_token_is_renewed_on_401_unless_said_otherwise() -> None:
    assert config(auth=OAUTH).auth.renew_on == (401,)
    assert config(auth={**OAUTH, "renew_on": [401, 403]}).auth.renew_on == (401, 403)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"uri": "x"}, "uri"),
        ({"auth": {"type": "digest"}}, r"digest.*\$.auth"),
        ({"auth": {"type": "basic", "username": "a"}}, r"password.*\$.auth"),
        ({"auth": {"type": "basic", "username": "a:b", "password": "c"}}, "colon"),
        ({"auth": {"type": "bearer"}}, r"token.*\$.auth"),
        ({"auth": {"type": "bearer", "token": "Bearer abc"}}, "without the word Bearer"),
        ({"auth": {"type": "bearer", "token": "a\r\nX: b"}}, r"no bearer token.*\$.auth"),
        ({"auth": {"type": "bearer", "token": "abc"}, "headers": {"Authorization": "x"}}, "Authorization"),
        ({"auth": {**OAUTH, "renew_on": [500]}}, "500"),
        ({"auth": {**OAUTH, "params": {"grant_type": "password"}}}, "grant_type"),
        ({"auth": {**OAUTH, "headers": {"Authorization": "x"}}}, "Authorization"),
        ({"auth": OAUTH, "headers": {"authorization": "x"}}, "authorization"),
        ({"headers": {"Host": "x"}}, "Host"),
        ({"headers": {"content-length": "0"}}, "content-length"),
        ({"headers": {"X-Request-Id": "x"}}, "X-Request-Id"),
        ({"headers": {"Proxy-Authorization": "x"}}, "Proxy-Authorization"),
        ({"headers": {"Proxy-Connection": "x"}}, "Proxy-Connection"),
        ({"headers": {"HTTP2-Settings": "x"}}, "HTTP2-Settings"),
        ({"headers": {"Traceparent": "x"}}, "Traceparent"),
        ({"headers": {"Webhook-Id": "x"}}, "Webhook-Id"),
        ({"headers": {"webhook-timestamp": "1"}}, "webhook-timestamp"),
        ({"headers": {"WEBHOOK-SIGNATURE": "v1,x"}}, "WEBHOOK-SIGNATURE"),
        ({"headers": {"x-key": "a", "X-Key": "b"}}, "X-Key is there twice"),
        ({"auth": {**OAUTH, "headers": {"webhook-signature": "x"}}}, "webhook-signature"),
        ({"headers": {"X Y": "x"}}, "X Y"),
        ({"headers": {"X-Y": "a\r\nHost: b"}}, "X-Y"),
        ({"headers": {"X-Y": ""}}, "X-Y"),
        ({"client_key_file": "hub.key"}, "client_cert_file"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"connect_timeout_s": 601}, "connect_timeout_s"),
    ],
)
def test_a_wrong_config_is_refused_by_the_field(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        config(**fields)


@pytest.mark.parametrize("name", ["Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade"])
def test_what_is_for_one_hop_only_cannot_be_configured(name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=f"the header {name} is set by the hub"):
        config(headers={name: "x"})


def test_an_authorization_of_one_s_own_is_fine_without_auth() -> None:
    assert config(headers={"Authorization": "Token abc"}).headers == {"Authorization": "Token abc"}


def test_the_schema_marks_every_secret_and_describes_every_field() -> None:
    secret = []
    for name, definition in msgspec.json.schema(HttpsConfig)["$defs"].items():
        for field, schema in definition["properties"].items():
            if field != "type":
                assert schema.get("description"), f"{name}.{field}"
            if schema.get("writeOnly") or schema.get("additionalProperties", {}).get("writeOnly"):
                secret.append(f"{name}.{field}")
    assert sorted(secret) == [
        "BasicAuth.password",
        "BearerAuth.token",
        "ClientCredentialsAuth.client_secret",
        "ClientCredentialsAuth.headers",
        "ClientCredentialsAuth.params",
        "ClientCredentialsAuth.query",
        "HttpsConfig.headers",
    ]


def test_the_environment_says_which_url_is_used() -> None:
    both = {"staging_url": "https://test.customer.example/events"}
    assert config(**both).endpoints[""].url == "https://customer.example/events"
    assert config(**both, environment="staging").endpoints[""].url == "https://test.customer.example/events"
    with pytest.raises(msgspec.ValidationError, match="staging_url"):
        config(environment="staging")


URLS = {"trip": "https://a.example/t", "trip_deleted": "https://a.example/t", "crash": "https://a.example/c?key=s"}


def test_each_url_is_an_endpoint_named_by_the_types_that_share_it() -> None:
    several = config(url=None, urls=URLS)
    assert {name: endpoint.url for name, endpoint in several.endpoints.items()} == {
        "trip,trip_deleted": "https://a.example/t",
        "crash": "https://a.example/c?key=s",
    }
    assert several.types == URLS.keys()
    assert config().types is None
    assert "key=s" not in repr(several)


def test_while_staging_only_the_types_with_a_staging_url_have_an_endpoint() -> None:
    several = config(url=None, urls=URLS, staging_urls={"trip": "https://test.a.example/t"}, environment="staging")
    assert several.types == {"trip"}
    assert [endpoint.url for endpoint in several.endpoints.values()] == ["https://test.a.example/t"]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"urls": URLS}, "either url or urls"),
        ({"url": None}, "either url or urls"),
        ({"url": None, "urls": {}}, "urls"),
        ({"url": None, "urls": URLS, "staging_url": "https://a.example"}, "staging_urls with urls"),
        ({"staging_urls": URLS}, "staging_urls with urls"),
        ({"url": None, "urls": URLS, "environment": "staging"}, "no staging_urls is given"),
    ],
)
def test_one_url_and_several_do_not_mix(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        config(**fields)
