"""Organizations."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from postroad.registry.apply.document import Name


class OrganizationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said of an organization."""

    name: Annotated[Name | UnsetType, Meta(description="Its name; that of the path, if it is given.")] = UNSET


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """A company, and everything that belongs to it."""

    id: Annotated[int, Meta(description="Never used twice.")]
    name: Annotated[str, Meta(description="Unique.")]
