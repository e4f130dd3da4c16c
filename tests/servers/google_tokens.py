"""Those who give out Google's access tokens: a metadata server, the token endpoint, STS, and IAM for another account.

Sources  Google, "View and query VM metadata", "Using OAuth 2.0 for server to server applications" (the assertion),
         "Security Token Service API" (v1.token, RFC 8693), "IAM credentials API" (generateAccessToken).
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from google.auth import jwt

from fixtures.remote import Reply, Request
from servers.google_keys import KEY_ID, Key

SCOPE: Final = "https://www.googleapis.com/auth/pubsub"
ACCOUNT: Final = "hub@proj-1.iam.gserviceaccount.com"
AUDIENCE: Final = "https://oauth2.googleapis.com/token"
"""Of an assertion, wherever it is shown."""
POOL: Final = "//iam.googleapis.com/projects/4711/locations/global/workloadIdentityPools/fleet/providers/cluster"
SUBJECT_TOKEN: Final = "eyJhbGciOiJub25lIn0.e30.of-the-cluster"
"""That a workload proves itself with; it is in a file."""
JWT_TYPE: Final = "urn:ietf:params:oauth:token-type:jwt"
METADATA: Final = "/computeMetadata/v1/"
ACCOUNT_PATH: Final = f"{METADATA}instance/service-accounts/"
IAM_PATH: Final = f"/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"


class GoogleTokens:
    """All of them: ``answer`` is for any number of ``Remote``."""

    def __init__(self, key: Key, url: str) -> None:
        """``key`` is the account's, ``url`` where this is."""
        self.given: list[str] = []
        """Tokens that Pub/Sub takes, in order."""
        self.lasts = timedelta(hours=1)
        self.refuses = False
        self._key = key
        self._url = url
        self._federated: list[str] = []

    def key_file(self) -> dict[str, Any]:
        """Of the account; its tokens come from here."""
        return self._key.account(ACCOUNT) | {"token_uri": f"{self._url}/token"}

    def federation_file(self, token_file: str, *, impersonating: bool) -> dict[str, Any]:
        """Of a workload outside of Google, whose own token is in ``token_file``."""
        said = {
            "type": "external_account",
            "audience": POOL,
            "subject_token_type": JWT_TYPE,
            "token_url": f"{self._url}/v1/token",
            "credential_source": {"file": token_file},
        }
        return said | ({"service_account_impersonation_url": f"{self._url}{IAM_PATH}"} if impersonating else {})

    def answer(self, request: Request) -> Reply:
        asked = urlsplit(request.path)
        match request.method, asked.path:
            case "GET", path if path == "/" or path.startswith(METADATA):
                return self._metadata(path, request)
            case "POST", "/token":
                return self._assertion(_form(request))
            case "POST", "/v1/token":
                return self._exchange(_form(request))
            case "POST", path if path == IAM_PATH:
                return self._impersonation(request)
        return said(404, {"error": "not_found"})

    def _metadata(self, path: str, request: Request) -> Reply:
        """Of a machine at Google. It answers only who asks for it by this header, and says it with each answer."""
        if request.headers.get("metadata-flavor") != "Google":
            return said(403, {})
        known: dict[str, Any] = {
            f"{METADATA}project/project-id": "proj-1",
        } | {
            f"{ACCOUNT_PATH}{name}/": {"email": ACCOUNT, "aliases": ["default"], "scopes": [SCOPE]}
            for name in ("default", ACCOUNT)
        }
        if path == f"{ACCOUNT_PATH}default/token":
            scopes = parse_qs(urlsplit(request.path).query).get("scopes", [""])
            reply = self._token() if scopes == [SCOPE] else said(403, {"error": "invalid_scope"})
        elif path == "/":
            reply = said(200, {})
        else:
            reply = said(200, known[path]) if path in known else said(404, {})
        reply.headers["Metadata-Flavor"] = "Google"
        return reply

    def _assertion(self, form: dict[str, str]) -> Reply:
        try:
            claims = jwt.decode(form["assertion"], certs={KEY_ID: self._key.certificate}, audience=AUDIENCE)
        except ValueError:
            return said(400, {"error": "invalid_grant", "error_description": form["assertion"]})
        if (claims["iss"], claims["scope"]) != (ACCOUNT, SCOPE):
            return said(400, {"error": "invalid_grant", "error_description": form["assertion"]})
        return self._token(quoting=form["assertion"])

    def _exchange(self, form: dict[str, str]) -> Reply:
        shown = (form["subject_token"], form["subject_token_type"], form["audience"])
        if shown != (SUBJECT_TOKEN, JWT_TYPE, POOL):
            return said(400, {"error": "invalid_grant", "error_description": form["subject_token"]})
        if form["scope"] == SCOPE:
            return self._token(quoting=form["subject_token"])
        self._federated.append(f"federated-{len(self._federated) + 1}")  # for IAM only
        given = {"access_token": self._federated[-1], "issued_token_type": "access_token", "token_type": "Bearer"}
        return said(200, given | {"expires_in": 3600})

    def _impersonation(self, request: Request) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.refuses or token not in self._federated or json.loads(request.body)["scope"] != [SCOPE]:
            return said(403, {"error": {"status": "PERMISSION_DENIED", "message": token}})
        self.given.append(f"token-{len(self.given) + 1}")
        expires = (datetime.now(UTC) + self.lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
        return said(200, {"accessToken": self.given[-1], "expireTime": expires})

    def _token(self, quoting: str = "") -> Reply:
        if self.refuses:
            return said(403, {"error": "access_denied", "error_description": f"what was shown: {quoting}"})
        self.given.append(f"token-{len(self.given) + 1}")
        seconds = int(self.lasts.total_seconds())
        return said(200, {"access_token": self.given[-1], "token_type": "Bearer", "expires_in": seconds})


def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def said(status: int, body: Any) -> Reply:
    """As JSON; a text as it is."""
    if isinstance(body, str):
        return Reply(status, body.encode(), {"Content-Type": "text/plain"})
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
