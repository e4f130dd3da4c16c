"""What can be said of SNS and SQS, and what contradicts itself."""

from typing import Any

import msgspec
import pytest

from postroad.transports import PUSHES, RECEIVERS, TRANSPORTS

ARN = "arn:aws:sns:eu-west-1:123456789012:trips"
ROLE = "arn:aws:iam::123456789012:role/postroad"
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/trips"


def sns(**fields: Any) -> Any:
    return msgspec.convert({"topic_arn": ARN} | fields, TRANSPORTS["sns"].config_type)


def sqs(**fields: Any) -> Any:
    return msgspec.convert({"queue_url": URL} | fields, TRANSPORTS["sqs"].config_type)


def test_a_topic_s_arn_is_enough() -> None:
    config = sns()
    assert config.region_name == "eu-west-1"
    assert not TRANSPORTS["sns"].keyed(config)


@pytest.mark.parametrize("name", ["a", "a.b-c_d.0", "awsome.b", "AWS", "a" * 128])
def test_an_attribute_s_name_is_as_amazon_wants_it(name: str) -> None:
    assert sns(attributes={name: "1"}).attributes == {name: "1"}


@pytest.mark.parametrize("name", ["sns", "sqs"])
def test_what_ends_in_fifo_is_keyed(name: str) -> None:
    config = sns(topic_arn=f"{ARN}.fifo") if name == "sns" else sqs(queue_url=f"{URL}.fifo")
    assert TRANSPORTS[name].keyed(config)


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (URL, "eu-west-1"),
        ("https://eu-west-1.queue.amazonaws.com/123456789012/trips", "eu-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/trips", "cn-north-1"),
        ("https://sqs.eu-west-1.api.aws/123456789012/trips", "eu-west-1"),
    ],
)
def test_a_queue_s_region_is_in_its_url(url: str, region: str) -> None:
    assert sqs(queue_url=url).region_name == region


def test_the_region_that_is_given_counts() -> None:
    assert sns(region="us-east-1").region_name == "us-east-1"
    assert sqs(queue_url="https://queue.example/1/trips", region="us-east-1").region_name == "us-east-1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"topic_arn": "trips"}, "topic_arn"),
        ({"topic_arn": f"{ARN}:0815"}, "topic_arn"),
        ({"access_key": "AKIA"}, "access_key and secret_key go together"),
        ({"secret_key": "s3cr3t"}, "access_key and secret_key go together"),
        ({"session_token": "t"}, "session_token goes with access_key"),
        ({"profile": "p", "access_key": "AKIA", "secret_key": "s3cr3t"}, "either profile or access_key"),
        ({"endpoint": "http://sns.example"}, "endpoint is no https URL"),
        ({"endpoint": "https://user@sns.example"}, "endpoint is no https URL"),
        ({"endpoint": "sns.example"}, "endpoint is no https URL"),
        ({"external_id": "4711"}, "external_id goes with role_arn"),
        ({"sts_endpoint": "https://sts.example"}, "sts_endpoint goes with role_arn"),
        ({"role_arn": ROLE, "sts_endpoint": "http://sts.example"}, "sts_endpoint is no https URL"),
        ({"role_arn": "arn:aws:iam::123456789012:user/postroad"}, "role_arn"),
        ({"role_arn": ROLE, "external_id": "a b"}, "external_id"),
        ({"attributes": {"a b": "1"}}, "attributes"),
        ({"attributes": {".a": "1"}}, "attributes"),
        ({"attributes": {"a.": "1"}}, "attributes"),
        ({"attributes": {"a..b": "1"}}, "attributes"),
        ({"attributes": {"AWS.Trace": "1"}}, "attributes"),
        ({"attributes": {"amazon.b": "1"}}, "attributes"),
        ({"attributes": {"a" * 129: "1"}}, "attributes"),
        ({"attributes": {str(number): "1" for number in range(5)}}, "attributes"),
        ({"queue": "q"}, "queue"),
    ],
    ids=str,
)
def test_what_contradicts_itself_is_refused_by_name_and_shows_no_secret(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said) as caught:
        sns(**fields)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://queue.example/1/trips", "names no region"),
        ("http://sqs.eu-west-1.amazonaws.com/123456789012/trips", "no https URL"),
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/trips?a=1", "queue_url"),
        ("trips", "queue_url"),
    ],
)
def test_a_queue_s_url_has_a_region_and_tls(url: str, said: str) -> None:
    for config_type in (TRANSPORTS["sqs"].config_type, RECEIVERS["sqs"].config_type):
        with pytest.raises(msgspec.ValidationError, match=said):
            msgspec.convert({"queue_url": url}, config_type)


@pytest.mark.parametrize("seconds", [0, 21])
def test_a_request_for_messages_waits_for_as_long_as_sqs_allows_and_never_not_at_all(seconds: int) -> None:
    with pytest.raises(msgspec.ValidationError, match="wait_s"):
        msgspec.convert({"queue_url": URL, "wait_s": seconds}, RECEIVERS["sqs"].config_type)


def test_an_emulator_on_this_machine_may_be_without_tls() -> None:
    assert sns(endpoint="http://localhost:4566").endpoint == "http://localhost:4566"


def test_certificates_are_never_fetched_in_the_clear() -> None:
    with pytest.raises(msgspec.ValidationError, match="endpoint is no https URL"):
        msgspec.convert({"topic_arn": ARN, "endpoint": "http://localhost:4566"}, PUSHES["sns"].config_type)


def test_its_secrets_are_write_only_in_its_schema_and_not_shown() -> None:
    config = sns(access_key="AKIA", secret_key="s3cr3t", session_token="t0k3n")
    assert "s3cr3t" not in repr(config)
    assert "t0k3n" not in repr(config)
    assert "AKIA" in repr(config)
    for spec in (TRANSPORTS["sns"], TRANSPORTS["sqs"], RECEIVERS["sqs"]):
        schema = msgspec.json.schema(spec.config_type)
        (properties,) = (part["properties"] for part in schema["$defs"].values())
        hidden = {name for name, part in properties.items() if "writeOnly" in str(part)}
        assert hidden == {"secret_key", "session_token"}
