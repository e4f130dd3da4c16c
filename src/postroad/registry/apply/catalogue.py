"""What ``apply`` must know of protocols, transports and delivery, passed in: the registry imports none of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from postroad.model.identifiers import Issue


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Names that may be used, and the structs that check what is said about them."""

    source_settings: Mapping[str, type[msgspec.Struct]]
    """Protocol that can be taken in -> its decoding settings."""
    vehicle_namespaces: Mapping[str, Collection[str]] = {}
    """Protocol that can be taken in -> the namespaces in which its providers name vehicles."""
    target_types: Mapping[str, Collection[str]]
    """Protocol that can be sent on -> its wire types."""
    target_options: Mapping[str, type[msgspec.Struct]]
    """Protocol that can be sent on -> its translation options."""
    target_agreed: Mapping[str, Callable[[Collection[str], Any], Collection[str]]] = {}
    """Protocol that can be sent on -> from declared types and options: the types that a subscription gets."""
    scoped: Collection[str] = ()
    """Protocols that keep to scopes: only they are sent what owners share."""
    delivery_type: type[msgspec.Struct]
    """What a subscription may override of its contract."""
    target_orders: Mapping[str, str] = {}
    """Protocol that can be sent on -> what its contract keeps in order: ``bulk`` is everything."""
    limits_type: type[msgspec.Struct]
    """What a destination can bear."""
    transport_config: Mapping[str, type[msgspec.Struct]]
    """Transport -> its config. Secret fields are marked ``Meta(extra_json_schema={"writeOnly": True})``."""
    transport_types: Mapping[str, Callable[[Any], Collection[str] | None]] = {}
    """Transport whose destinations may have an endpoint for each type -> from a config: the types that it has one for;
    ``None``: one endpoint takes any."""
    stores: Mapping[str, Callable[[Any], bool]] = {}
    """Transport -> from a config: whether it has a storage, to which data is copied first."""
    copies: Mapping[str, Callable[[Any], bool]] = {}
    """Protocol that can have data copied first -> from a subscription's options: whether it does."""
    sent_singly: Collection[str] = ()
    """Protocols that send each event by itself: only their types can go to several endpoints."""
    upstream_config: Mapping[str, type[msgspec.Struct]] = {}
    """Protocol whose providers have a control plane -> the config of our side of it. Secret fields are marked too."""
    receiver_config: Mapping[str, type[msgspec.Struct]] = {}
    """Transport that messages can be received by -> its config for that. Secret fields are marked too."""
    issues: Sequence[Issue]
    """The identifiers that the hub issues."""
