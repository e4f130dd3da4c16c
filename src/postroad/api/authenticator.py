"""Who asks the hub's API: the bearer token of a request, as RFC 6750 has it, stands for a principal.

It may be an access token that a service account got, an API key, or the token of a provider or an integration. What the
principal may do then is ``postroad.access.policy``'s to say.
"""

from typing import Final

from postroad.access.principals import Principal, principal_of_account, principal_of_key
from postroad.ingest.access_tokens import PREFIX, AccessTokens
from postroad.ingest.http.limits import client_key
from postroad.registry.records import RegistryView

_SCHEME: Final = "bearer "


def caller(principal: Principal | None, address: str | None) -> str:
    """Who counts as one caller of an API: a principal, wherever it asks from; or else an address."""
    return principal.key if principal is not None else f"address {client_key(address or '')}"


class Authenticator:
    """Finds the principal of a request. Nothing is remembered: what is revoked is so with the next view."""

    def __init__(self, tokens: AccessTokens) -> None:
        """``tokens`` are those of service accounts."""
        self._tokens = tokens

    def principal(self, authorization: str | None, view: RegistryView) -> Principal | None:
        """Whose token the header ``Authorization`` holds; ``None``: nobody's."""
        if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
            return None
        shown = authorization[len(_SCHEME) :].strip()
        if not shown.startswith(PREFIX.decode()):
            return principal_of_key(shown, view)
        holder_id = self._tokens.holder_of(shown.encode("utf-8", "surrogatepass"))
        account = None if holder_id is None else view.service_accounts.get(holder_id)
        return None if account is None else principal_of_account(account, f"service account {account.id}")
