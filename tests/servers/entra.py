"""Who gives tokens of Microsoft Entra ID: the endpoint of a tenant, and that of an app with a managed identity.

Sources  Microsoft, "Microsoft identity platform and the OAuth 2.0 client credentials flow", "How to use managed
         identities for App Service": the REST endpoint behind ``IDENTITY_ENDPOINT``.
"""

import json
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from fixtures.remote import Remote, Reply, Request

TENANT: Final = "11111111-2222-3333-4444-555555555555"
CLIENT: Final = "66666666-7777-8888-9999-000000000000"
CLIENT_SECRET: Final = "cl13nt~s3cret-0815"
ASSERTION: Final = "eyJhbGciOiJub25lIn0.e30.of-kubernetes"
"""The token of a workload."""
HEADER: Final = "the-app-s-own"
"""What an app shows to be given its identity's tokens."""


@dataclass
class Entra:
    """Both, behind a ``Remote``."""

    remote: Remote
    token: str
    """What it gives."""
    scopes: list[str] = field(default_factory=list)
    """That tokens were given for."""

    def __post_init__(self) -> None:
        self.remote.answer = self.answer

    def answer(self, request: Request) -> Reply:
        asked = urlsplit(request.path)
        if (request.method, asked.path) == ("POST", f"/{TENANT}/oauth2/v2.0/token"):
            return self._of_a_tenant({name: value for name, [value] in parse_qs(request.body.decode()).items()})
        if (request.method, asked.path) == ("GET", "/msi/token"):
            return self._of_an_app(request, {name: value for name, [value] in parse_qs(asked.query).items()})
        return said(404, {"error": "not_found"})

    def _of_a_tenant(self, form: dict[str, str]) -> Reply:
        shown = form.get("client_secret") == CLIENT_SECRET or (
            form.get("client_assertion") == ASSERTION
            and form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        )
        if form["grant_type"] != "client_credentials" or form["client_id"] != CLIENT or not shown:
            what = f"AADSTS7000215: Invalid client secret provided: {form.get('client_secret')}"
            return said(401, {"error": "invalid_client", "error_description": what})
        self.scopes.append(form["scope"])
        return said(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": self.token})

    def _of_an_app(self, request: Request, query: dict[str, str]) -> Reply:
        if request.headers.get("x-identity-header") != HEADER:
            return said(401, {"statusCode": 401, "message": "no"})
        self.scopes.append(query["resource"] + "/.default")
        expires = str(int(time.time()) + 3599)
        given = {"resource": query["resource"], "token_type": "Bearer", "expires_on": expires}
        return said(200, given | {"access_token": self.token})


def said(status: int, body: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
