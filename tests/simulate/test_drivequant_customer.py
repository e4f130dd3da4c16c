"""DriveQuant's simulated customer, called by the hub's own HTTPS transport: one credentials block for six URLs."""

from typing import Any

import pytest
from msgspec import structs

from fixtures.drivequant import BASIC, TOKENS, ServeCustomer, Served, trip
from postroad.errors import ConfigError
from postroad.protocols.drivequant import SLOTS
from postroad.simulate.drivequant_customer import Basic
from postroad.transports.base import Delivered, Failed, Message, Outcome

BODY = trip()


async def push(served: Served, service: str = "trip", body: bytes = BODY) -> Outcome:
    message = Message(body=body, content_type="application/json", request_id="r", wire_type=service)
    return await served.transport.send(message)


def status_of(outcome: Outcome) -> int | None:
    return outcome.status


@pytest.mark.parametrize("auth", [TOKENS, BASIC], ids=["tokens", "basic"])
async def test_each_service_arrives_at_its_own_url_by_one_set_of_credentials(
    serve_customer: ServeCustomer, auth: Any
) -> None:
    served = await serve_customer(auth)
    for service in SLOTS:
        assert isinstance(await push(served, service), Delivered)
    assert [one.service for one in served.customer.pushes] == list(SLOTS)
    assert {one.raw for one in served.customer.pushes} == {BODY}
    assert served.customer.tokens_issued == (auth is TOKENS)


async def test_a_service_without_a_url_is_not_sent_anywhere(serve_customer: ServeCustomer) -> None:
    served = await serve_customer()
    outcome = await push(served, "trips")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "refused_address"
    assert not served.customer.attempts
    with pytest.raises(ConfigError, match="no URL for trips"):
        served.transport.endpoint("trips")


@pytest.mark.parametrize("refusal", [401, 403])
async def test_a_token_that_is_refused_is_renewed_and_the_push_repeated_at_once(
    serve_customer: ServeCustomer, refusal: int
) -> None:
    served = await serve_customer(structs.replace(TOKENS, refusal=refusal))
    assert isinstance(await push(served), Delivered)
    served.customer.revoke_tokens()
    assert isinstance(await push(served, "crash"), Delivered)
    assert isinstance(await push(served, "diagnosis"), Delivered)  # the new token is everybody's
    assert served.customer.tokens_issued == 2
    assert dict(served.customer.attempts) == {"trip": 1, "crash": 2, "diagnosis": 1}
    assert dict(served.customer.unauthorized) == {"crash": 1}


@pytest.mark.parametrize(
    "wanted",
    [{"headers": {"X-Other": "1"}}, {"params": {**TOKENS.params, "more": "1"}}, {"client_secret": "another"}],
    ids=["header", "parameter", "secret"],
)
async def test_a_token_request_that_is_not_as_the_customer_wants_it_gets_none(
    serve_customer: ServeCustomer, wanted: dict[str, Any]
) -> None:
    served = await serve_customer(structs.replace(TOKENS, **wanted), told=TOKENS)
    outcome = await push(served)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("credentials", None)
    assert not served.customer.attempts


@pytest.mark.parametrize("trouble", [401, 403, 500])
async def test_an_endpoint_in_trouble_refuses_and_the_others_take(serve_customer: ServeCustomer, trouble: int) -> None:
    served = await serve_customer()
    served.customer.trouble["trip"] = trouble
    assert status_of(await push(served)) == trouble
    assert status_of(await push(served, "crash")) == 200
    del served.customer.trouble["trip"]
    assert status_of(await push(served)) == 200
    assert served.customer.bodies("trip") == [served.customer.pushes[0].body]


async def test_an_endpoint_that_is_down_breaks_the_connection_and_has_nothing(serve_customer: ServeCustomer) -> None:
    served = await serve_customer()
    served.customer.trouble["trip"] = "down"
    outcome = await push(served)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("broken", None)
    assert served.customer.pushes == []


async def test_a_slow_endpoint_has_the_push_though_the_sender_gave_up(serve_customer: ServeCustomer) -> None:
    served = await serve_customer(BASIC, timeout_s=0.2)
    served.customer.trouble["trip"] = "slow"
    outcome = await push(served)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "timeout"
    assert len(served.customer.bodies("trip")) == 1


async def test_what_is_no_object_is_refused(serve_customer: ServeCustomer) -> None:
    served = await serve_customer(BASIC)
    assert status_of(await push(served, body=b"[1]")) == 400
    assert served.customer.pushes == []


async def test_a_wrong_password_is_refused(serve_customer: ServeCustomer) -> None:
    served = await serve_customer(BASIC, told=Basic(username="hub", password="another"))
    assert status_of(await push(served)) == 401
    assert served.customer.unauthorized == {"trip": 1}
    assert served.customer.pushes == []
