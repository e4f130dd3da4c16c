"""Those who tell an SDK of Amazon who it is: STS, a container's agent, an instance's metadata. Each is a ``Remote``.

Source   Amazon's documentation of AssumeRole, AssumeRoleWithWebIdentity, container credential providers and IMDS
         version 2.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from fixtures.remote import Remote, Reply, Request
from servers.aws_front import ACCESS_KEY, SECRET_KEY, is_signed, refusal

ROLE = "postroad-on-this-machine"
METADATA = "/latest/meta-data/iam/security-credentials/"


def expires(within: timedelta) -> str:
    """That long from now, as Amazon writes it."""
    return (datetime.now(UTC) + within).strftime("%Y-%m-%dT%H:%M:%SZ")


class Sts:
    """Gives a role's credentials to whom the account's key proves, and who names the role and the external id."""

    def __init__(self, remote: Remote, role_arn: str, external_id: str | None) -> None:
        self.asked: list[dict[str, str]] = []
        self.lasts = timedelta(hours=1)
        self.workload: tuple[str, str] | None = None
        """A role that is given without a key, and the web identity's token that it is given for."""
        self._asked_for = (role_arn, external_id)
        remote.answer = self.answer

    def answer(self, request: Request) -> Reply:
        said = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        self.asked.append(said)
        if said["Action"] == "AssumeRoleWithWebIdentity":
            token = said["WebIdentityToken"]
            if (said["RoleArn"], token) != self.workload:
                return refusal(request, 403, "AccessDenied", f"not authorized with {token}")
            return self._given("workload", said)
        if not is_signed(request):
            return refusal(request, 403, "SignatureDoesNotMatch", "not ours")
        if (said["RoleArn"], said.get("ExternalId")) != self._asked_for:
            return refusal(request, 403, "AccessDenied", "not authorized to perform sts:AssumeRole")
        return self._given("role", said)

    def _given(self, to: str, said: dict[str, str]) -> Reply:
        action = said["Action"]
        text = (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
            f"<AssumedRoleUser><Arn>{said['RoleArn']}/{said['RoleSessionName']}</Arn>"
            f"<AssumedRoleId>AROA:{said['RoleSessionName']}</AssumedRoleId></AssumedRoleUser>"
            f"<Credentials><AccessKeyId>{ACCESS_KEY}</AccessKeyId><SecretAccessKey>{SECRET_KEY}</SecretAccessKey>"
            f"<SessionToken>{to}-{len(self.asked)}</SessionToken><Expiration>{expires(self.lasts)}</Expiration>"
            f"</Credentials></{action}Result></{action}Response>"
        )
        return Reply(body=text.encode(), headers={"Content-Type": "text/xml"})


def _keys(token: str) -> dict[str, Any]:
    return {
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": SECRET_KEY,
        "Token": token,
        "Expiration": expires(timedelta(hours=1)),
    }


def container(request: Request) -> Reply:
    """The agent beside a container: it wants the token that the container was given."""
    if request.headers.get("authorization") != "container-token":
        return Reply(401)
    return Reply(body=json.dumps(_keys("of-the-container")).encode())


def instance(request: Request) -> Reply:
    """The metadata of an instance, version 2: a token first, then the role, then its credentials."""
    if (request.method, request.path) == ("PUT", "/latest/api/token"):
        return Reply(body=b"metadata-token")
    if request.headers.get("x-aws-ec2-metadata-token") != "metadata-token":
        return Reply(401)
    if request.path == METADATA:
        return Reply(body=ROLE.encode())
    if request.path == METADATA + ROLE:
        return Reply(body=json.dumps(_keys("of-the-instance") | {"Code": "Success", "Type": "AWS-HMAC"}).encode())
    return Reply(404)
