"""Which of Amazon's errors are a message's fault, and which come of who we are, of a key, or of too much at once."""

import pytest
from botocore.exceptions import ClientError

from postroad.transports.aws.answers import entry_failed, failed
from postroad.transports.base import Failed


def answered(code: str, status: int, operation: str = "PublishBatch") -> Failed:
    said = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return failed(ClientError(said, operation), 0.0)  # type: ignore[arg-type]  # as much of an answer as counts


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("InvalidParameter", 400, "rejected"),
        ("InvalidMessageContents", 400, "rejected"),
        ("Throttled", 429, "throttled"),
        ("ThrottlingException", 400, "throttled"),
        ("RequestThrottled", 403, "throttled"),
        ("OverLimit", 403, "throttled"),
        ("KMSThrottling", 400, "throttled"),
        ("KmsThrottled", 400, "throttled"),
        ("KMSAccessDenied", 400, "credentials"),
        ("KMS.DisabledException", 400, "credentials"),
        ("KmsNotFound", 400, "credentials"),
        ("ExpiredToken", 403, "credentials"),
        ("ExpiredTokenException", 400, "credentials"),
        ("AuthorizationError", 403, "credentials"),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, "rejected"),
        ("NotFound", 404, "rejected"),
        ("BatchRequestTooLong", 400, "too_large"),
        ("InternalError", 500, "server_error"),
    ],
)
def test_each_error_has_its_reason(code: str, status: int, reason: str) -> None:
    assert answered(code, status).reason == reason


@pytest.mark.parametrize(
    ("code", "reason"), [("InvalidParameter", "rejected"), ("KMSDisabled", "credentials"), ("Throttled", "throttled")]
)
def test_an_entry_of_a_batch_has_the_same(code: str, reason: str) -> None:
    assert entry_failed({"Id": "0", "Code": code, "SenderFault": True}, 0.0).reason == reason


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "ValidationError", "credentials"),
        (403, "AccessDenied", "credentials"),
        (400, "Throttling", "throttled"),
        (503, "ServiceUnavailable", "server_error"),
    ],
)
def test_what_refuses_a_role_refuses_no_message(status: int, code: str, reason: str) -> None:
    assert answered(code, status, "AssumeRole").reason == reason
    assert answered(code, status, "AssumeRoleWithWebIdentity").reason == reason
