"""What tokens and service accounts have in common."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from postroad.access.policy import Target
from postroad.api.rest.call import Call
from postroad.api.rest.types.credential import CredentialList
from postroad.clock import from_us
from postroad.errors import ConfigError, NotFound
from postroad.registry.owners import find_owner
from postroad.registry.records import RoleName
from postroad.registry.service_accounts import ServiceAccountInfo
from postroad.registry.tokens import TokenInfo

Info = TypeVar("Info", TokenInfo, ServiceAccountInfo)

_US_DIGITS = 20


def check_owner(call: Call, role: RoleName, owner_id: int | None) -> None:
    """Raises ``ConfigError`` for an owner that is not there, or does not go with the role."""
    try:
        find_owner(call.under_way.connection, role, owner_id)
    except (NotFound, ConfigError) as exc:
        raise ConfigError(str(exc), field="owner_id") from exc


def seen(call: Call, query: CredentialList, found: Iterable[Info], *, after: str | None) -> list[Info]:
    """Those that are asked for, and may be seen, behind a place, the oldest first."""
    mine = [
        one
        for one in call.reached(found, lambda one: Target(organization_id=one.organization_id))
        if query.role in (None, one.role)
        and query.revoked in (None, one.revoked_us is not None)
        and (after is None or place(one) > after)
    ]
    return sorted(mine, key=place)


def place(one: Info) -> str:
    """Where it stands in a list."""
    return f"{one.created_us:0{_US_DIGITS}}:{one.id}"


def instant(us: int | None) -> datetime | None:
    """An instant, if there is one."""
    return None if us is None else from_us(us)
