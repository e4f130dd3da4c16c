"""What applying a document changes."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta


class ApplyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a document is applied."""

    dry_run: Annotated[bool, Meta(description="Only tell what would change.")] = False
    prune: Annotated[bool, Meta(description="Remove what the document does not declare.")] = False


class AppliedChange(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was changed, or would be."""

    action: Annotated[Literal["create", "update", "delete"], Meta(description="What was done.")]
    kind: Annotated[str, Meta(description="To what.")]
    name: Annotated[str, Meta(description="With the names of its owners: `Andes Transport/insurer/webhook`.")]
    fields: Annotated[dict[str, tuple[Any, Any]], Meta(description="What was, and what is; of secrets only whether.")]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What applying a document changed, or would change."""

    dry_run: Annotated[bool, Meta(description="Nothing was changed.")]
    changes: Annotated[list[AppliedChange], Meta(description="In order.")]
