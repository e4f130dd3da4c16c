"""Providers."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from postroad.registry.apply.document import Name, ProviderFields, ProviderPart


class ProviderBody(ProviderFields, frozen=True, kw_only=True):
    """What can be said of a provider, as in a file for ``postroad apply``; secrets are written out."""

    name: Annotated[Name | UnsetType, Meta(description="That of the path; may be left out.")] = UNSET


class Provider(ProviderPart, frozen=True, kw_only=True):
    """Who sends to us. Secrets are null."""

    id: Annotated[int, Meta(description="Never used twice.")]
    revision: Annotated[int, Meta(description="Of its settings: raised whenever they change.")]
    secrets: Annotated[tuple[str, ...], Meta(description="The paths of the secrets that are set.")]
