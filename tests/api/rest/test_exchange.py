"""What a declared operation is held to, whoever declares it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postroad.access.policy import HUB, Operation
from postroad.access.principals import Principal, Role, actor_of
from postroad.api.rest.call import Call, Services
from postroad.api.rest.exchange import Answered, Asked, Exchange
from postroad.api.rest.openapi import document
from postroad.api.rest.resources import ROUTES
from postroad.api.rest.routes import Created, Resource, Route
from postroad.registry.apply import Catalogue
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore

OPERATOR = Principal(name="test", role=Role.OPERATOR)


class Thing(msgspec.Struct):
    """Anything."""

    name: str


def route_of(resource: Resource) -> Route:
    (route,) = resource
    return route


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    opened = RegistryStore.open(tmp_path / "registry.db")
    yield opened
    opened.close()


@pytest.fixture
def carry_out(store: RegistryStore, catalogue: Catalogue, keys: KeyRing) -> Callable[..., Answered]:
    """Carries out a route by itself."""
    nothing: Any = None  # what these operations do not work with
    services = Services(
        keys=keys,
        catalogue=catalogue,
        shard=0,
        readers=nothing,
        streams=nothing,
        last_message_us=nothing,
        monotonic_s=nothing,
        try_out=nothing,
    )
    exchange = Exchange(services, acting=lambda by, address: store.acting(actor_of(by, "rest", address)))

    def carry_out(route: Route, **asked: Any) -> Answered:
        given: dict[str, Any] = {"arguments": {}, "query": {}, "body": b"", "media_type": "", "address": None}
        return exchange.carry_out(Asked(route=route, principal=OPERATOR, view=store.view(), **(given | asked)))

    return carry_out


def test_an_operation_that_does_not_ask_the_policy_is_not_answered(
    carry_out: Callable[..., Answered], store: RegistryStore
) -> None:
    things = Resource("things", "Things.")

    @things.post("/things", Operation.CHANGE_REGISTRY)
    def create_thing(call: Call) -> Thing:
        """Create a thing."""
        call.declaring.put_organization("Secretly")
        return Thing("secret")

    answered = carry_out(route_of(things))
    assert (answered.status, b"secret" in answered.body) == (500, False)
    assert store.view().organizations == {}


@pytest.mark.parametrize("key", [None, "k1"])
def test_what_an_operation_did_is_undone_when_it_fails(
    carry_out: Callable[..., Answered], store: RegistryStore, key: str | None
) -> None:
    things = Resource("things", "Things.")

    @things.post("/things", Operation.CHANGE_REGISTRY)
    def create_thing(call: Call) -> Thing | Created:
        """Create a thing."""
        call.require(HUB)
        call.declaring.put_organization("Andes")
        call.registry.issue_key("operator", None, "made within")
        raise ZeroDivisionError

    assert carry_out(route_of(things), idempotency_key=key).status == 500
    assert (store.view().organizations, store.list_tokens()) == ({}, [])


def test_what_the_registrys_methods_do_within_a_change_is_part_of_it(
    carry_out: Callable[..., Answered], store: RegistryStore
) -> None:
    things = Resource("things", "Things.")

    @things.post("/things", Operation.CHANGE_REGISTRY)
    def create_thing(call: Call) -> Thing:
        """Create a thing."""
        call.require(HUB)
        call.declaring.put_organization("Andes")
        call.registry.issue_key("auditor", "Andes", "of what is new within")
        return Thing(call.registry.view().organizations[1].name)

    version = store.version()
    assert carry_out(route_of(things)).body == b'{"name":"Andes"}'
    assert (len(store.list_tokens()), store.version()) == (1, version + 1)
    assert {(one.origin, one.kind) for one in store.audit_log.listed()} == {("rest", "organization"), ("rest", "token")}


def test_a_handler_whose_parameters_are_not_those_of_its_path_cannot_be_declared() -> None:
    things = Resource("things", "Things.")

    def get_thing(call: Call, other: str) -> Thing:
        """Get a thing."""
        raise NotImplementedError(call, other)

    with pytest.raises(TypeError, match="get_thing"):
        things.get("/things/{thing}", Operation.READ_REGISTRY)(get_thing)


def test_names_of_operations_say_what_they_do_and_are_unique() -> None:
    assert len({route.id for route in ROUTES}) == len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    verbs = {
        "GET": ("get_", "list_", "count_", "explain_", "audit_"),
        "PUT": ("put_",),
        "DELETE": ("delete_", "remove_", "revoke_"),
    }
    for route in ROUTES:
        assert route.id.startswith(verbs.get(route.method, ("",))), route.id


def test_every_reference_of_the_document_leads_somewhere_and_everything_is_described() -> None:
    whole = document()
    text = msgspec.json.encode(whole).decode()
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert used == whole["components"]["schemas"].keys()
    for name, schema in whole["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)
        assert schema.get("description"), name
        for field, described in schema["properties"].items():
            assert described.get("description") or "$ref" in described, f"{name}.{field}"
