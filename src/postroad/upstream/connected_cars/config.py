"""The ``upstream`` of a Connected Cars provider, as an operator declares it."""

from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Meta

from postroad.transports.auth import Secret

MIN_KEY_BITS = 2048
VEHICLE_ID = "{vehicleId}"
"""Stands for their number of the vehicle in ``reference_url``."""

Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_Text = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[\x21-\x7e]+$")]


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who we are there; Connected Cars gives all of it but the key, whose public half they were given."""

    issuer: Annotated[_Text, Meta(description="The account's `iss`.")]
    audience: Annotated[_Text, Meta(description="The account's `aud`.")]
    key_id: Annotated[_Text, Meta(description="The account's `kid`.")]
    private_key: Annotated[Secret, Meta(description="RSA key of 2048 bits or more, PEM, without a password.")]

    def __post_init__(self) -> None:
        """Refuse a key that cannot sign, without a word of it."""
        signing_key(self.private_key)

    def __repr__(self) -> str:
        """Without the key."""
        return f"ServiceAccount(issuer={self.issuer!r}, key_id={self.key_id!r})"


class SomeVehicles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some of the vehicles that consent, by the numbers that Connected Cars gives them."""

    ids: Annotated[tuple[Number, ...], Meta(description="Vehicles.")] = ()
    fleets: Annotated[tuple[Number, ...], Meta(description="Fleets: every vehicle in them.")] = ()


class ConnectedCarsUpstream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Connected Cars is asked, as whom, and which streams are wanted."""

    graphql_url: Annotated[str, Meta(description="The GraphQL endpoint, https.")]
    auth_url: Annotated[str, Meta(description="Where the service account's assertion becomes a token, https.")]
    namespace: Annotated[_Text, Meta(description="`X-Organization-Namespace`: organization, colon, product.")]
    service_account: ServiceAccount
    topic: Annotated[Number, Meta(description="Number of the integration topic that the streams are for.")]
    vehicles: Annotated[
        Literal["all"] | SomeVehicles, Meta(description="Whose streams are wanted, of those that consent.")
    ] = "all"
    types: Annotated[
        tuple[str, ...],
        Meta(description="Event types that the topic must carry: a run says so when it does not. Empty: not checked."),
    ] = ()
    reference_url: Annotated[
        str | None,
        Meta(description="Reference kept with each stream; `{vehicleId}` becomes the number. None: left as it is."),
    ] = None

    def __post_init__(self) -> None:
        """Nothing is signed in over plain HTTP."""
        for name in ("graphql_url", "auth_url"):
            if not getattr(self, name).startswith("https://"):
                raise ValueError(f"{name} does not begin with https://")

    @property
    def market(self) -> str:
        """The organization's key, within which numbers of vehicles are unique."""
        return self.namespace.partition(":")[0]

    def wants(self, vehicle_id: int, fleet_id: int | None) -> bool:
        """Whether a stream of a consenting vehicle is wanted."""
        return self.vehicles == "all" or (
            isinstance(self.vehicles, SomeVehicles)
            and (vehicle_id in self.vehicles.ids or fleet_id in self.vehicles.fleets)
        )

    def reference(self, vehicle_id: int) -> str | None:
        """What a vehicle's stream is to refer to; None: whatever it does."""
        return None if self.reference_url is None else self.reference_url.replace(VEHICLE_ID, str(vehicle_id))


def signing_key(pem: str) -> RSAPrivateKey:
    """The key that a PEM text holds. Raises ``ValueError``, which quotes nothing of it."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("private_key is not an RSA private key in PEM without a password")  # noqa: TRY004 - a value
    if key.key_size < MIN_KEY_BITS:
        raise ValueError(f"private_key has fewer than {MIN_KEY_BITS} bits")
    return key
