"""What an operator may write for an Azure destination or receiver, and what is refused before a connection is made."""

from typing import Any

import msgspec
import pytest

from postroad.transports import RECEIVERS, TRANSPORTS
from postroad.transports.azure.connection_string import parse_connection_string

KEY = "s4-0/Lkj4gsmFfro1/s08+E/0DtjtGG7y5q1Pxm4G2Q="
PASTED = f"Endpoint=sb://site.servicebus.windows.net/;SharedAccessKeyName=SampleAccessPolicy;SharedAccessKey={KEY}"
APART = {
    "endpoint": "sb://site.servicebus.windows.net/",
    "shared_access_key_name": "SampleAccessPolicy",
    "shared_access_key": KEY,
}


def service_bus(**fields: Any) -> Any:
    return msgspec.convert(fields, TRANSPORTS["service_bus"].config_type)


@pytest.mark.parametrize(
    "pasted", [PASTED, f"{PASTED};", f' "{PASTED}"\n', PASTED.replace("Endpoint", "endpoint"), f"{PASTED};EntityPath=q"]
)
def test_a_connection_string_is_pasted_whole_however_it_was_copied(pasted: str) -> None:
    config = service_bus(connection_string=pasted, queue="q")
    assert (config.host, config.address, config.entity) == (
        "site.servicebus.windows.net",
        ("site.servicebus.windows.net", 5671),
        "q",
    )
    assert (config.key.key_name, config.key.key) == ("SampleAccessPolicy", KEY)


def test_its_parts_say_the_same() -> None:
    assert service_bus(**APART, queue="q").key == parse_connection_string(PASTED)


def test_an_entity_s_own_connection_string_names_the_entity() -> None:
    assert service_bus(connection_string=f"{PASTED};EntityPath=damoov").entity == "damoov"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "either connection_string or endpoint"),
        ({"connection_string": PASTED, **APART}, "either connection_string or endpoint"),
        ({"connection_string": PASTED, "shared_access_key": KEY}, "no other key"),
        ({"connection_string": PASTED, "identity": {"type": "default"}}, "no identity beside it"),
        ({"connection_string": PASTED}, "give queue or topic"),
        ({"connection_string": f"{PASTED};EntityPath=a", "queue": "b"}, "another than"),
        ({"connection_string": PASTED, "queue": "a", "topic": "b"}, "either queue or topic"),
        ({"connection_string": PASTED.replace("SharedAccessKey=", "Key=")}, "a part that is none of"),
        ({"connection_string": PASTED + ";SharedAccessKey=x"}, "twice"),
        ({"connection_string": "Endpoint=sb://a.servicebus.windows.net/"}, "no SharedAccessKeyName"),
        ({"connection_string": PASTED.replace("servicebus.windows.net", "example.com"), "queue": "q"}, "no namespace"),
        ({"connection_string": PASTED.replace(".net/", ".net:99/"), "queue": "q"}, "no namespace"),
        ({"connection_string": PASTED.replace("sb://", "https://"), "queue": "q"}, "not of the form"),
        ({**APART, "shared_access_key": None, "queue": "q"}, "go together"),
        ({"endpoint": APART["endpoint"], "queue": "q"}, "or identity"),
        ({"connection_string": PASTED, "queue": "q", "custom_endpoint": "http://10.0.0.1"}, "custom_endpoint"),
        ({"connection_string": PASTED, "queue": "a?b"}, "queue"),
    ],
)
def test_what_contradicts_itself_is_refused_and_not_quoted(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says) as refusal:
        service_bus(**fields)
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize(
    "identity",
    [
        {"type": "default"},
        {"type": "managed", "client_id": "c"},
        {"type": "workload", "tenant_id": "t"},
        {"type": "client_secret", "tenant_id": "t", "client_id": "c", "client_secret": "very-secret-0815"},
    ],
)
def test_an_identity_takes_the_place_of_a_key(identity: dict[str, Any]) -> None:
    config = service_bus(endpoint=APART["endpoint"], identity=identity, queue="q")
    assert config.key is None
    assert "very-secret" not in repr(config) + repr(config.identity)
    assert list(config.secrets()) == ([identity["client_secret"]] if "client_secret" in identity else [])


def test_every_secret_is_marked_as_one() -> None:
    for spec in (*TRANSPORTS.values(), *RECEIVERS.values()):
        for struct in msgspec.json.schema(spec.config_type)["$defs"].values():
            for name, field in struct.get("properties", {}).items():
                if name in ("connection_string", "shared_access_key", "topic_key", "client_secret"):
                    marked = [field, *field.get("anyOf", [])]
                    assert any(each.get("writeOnly") for each in marked), (spec.config_type, name)


def test_a_receiver_of_a_topic_needs_the_subscription() -> None:
    with pytest.raises(msgspec.ValidationError, match="topic goes with subscription"):
        msgspec.convert({"connection_string": PASTED, "topic": "t"}, RECEIVERS["service_bus"].config_type)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"endpoint": "https://t.eventgrid.azure.net/api/events"}, "either topic_key or identity"),
        ({"endpoint": "http://t.eventgrid.azure.net/api/events", "topic_key": "k"}, "not of the form"),
        ({"endpoint": "https://t.eventgrid.azure.net/api/events?key=k", "topic_key": "k"}, "not of the form"),
    ],
)
def test_what_event_grid_cannot_be_asked_by_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert(fields, TRANSPORTS["event_grid"].config_type)
