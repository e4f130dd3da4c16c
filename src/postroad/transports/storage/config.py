"""The ``storage`` of a destination, as an operator writes it."""

from pathlib import PurePosixPath
from typing import Annotated

import msgspec
from msgspec import Meta

from postroad.transports.auth import Secret

_PREFIX = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$"


class FolderStorage(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="folder"
):
    """A folder of this machine, or mounted there."""

    path: Annotated[str, Meta(description="An absolute path. It must exist: a mount that is gone is not written over.")]

    def __post_init__(self) -> None:
        """A relative path would depend on where the hub was started."""
        if not PurePosixPath(self.path).is_absolute() or "\0" in self.path:
            raise ValueError("path is not absolute")


class S3Storage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="s3"):
    """A bucket of Amazon S3, or of a server that speaks its protocol."""

    bucket: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="The bucket's name.")]
    region: Annotated[
        str, Meta(pattern=r"^[a-z0-9-]{1,32}$", description="Its region; `us-east-1` where there is none.")
    ]
    prefix: Annotated[
        Annotated[str, Meta(pattern=_PREFIX, max_length=100)] | None,
        Meta(description="Before every key, without the slash between."),
    ] = None
    endpoint: Annotated[
        Annotated[str, Meta(pattern=r"^https://[^\s/?#@]+$")] | None,
        Meta(description="Of a server other than Amazon's, https, without a path; it is asked in path style."),
    ] = None
    access_key_id: Annotated[
        str | None, Meta(description="With secret_access_key. Without both: what the hub's environment has.")
    ] = None
    secret_access_key: Annotated[Secret | None, Meta(description="Secret of the access key.")] = None
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=240)], Meta(description="For one copy, all its requests, in seconds.")
    ] = 60.0

    def __post_init__(self) -> None:
        """Half a key is a mistake, and must not fall back on somebody else's credentials."""
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together")

    def __repr__(self) -> str:
        """Without the secret."""
        return (
            f"S3Storage(bucket={self.bucket!r}, region={self.region!r}, prefix={self.prefix!r}, "
            f"endpoint={self.endpoint!r}, access_key_id={self.access_key_id!r}, timeout_s={self.timeout_s})"
        )


StorageConfig = FolderStorage | S3Storage
