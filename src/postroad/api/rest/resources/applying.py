"""``postroad apply``, by a request."""

import msgspec

from postroad.access.policy import HUB, Operation
from postroad.api.rest.call import Call
from postroad.api.rest.routes import Resource
from postroad.api.rest.types.applied import Applied, AppliedChange, ApplyQuery
from postroad.registry.apply.source import Source

applying = Resource("apply", "Everything that a document declares, at once.")

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


@applying.post(
    "/apply",
    Operation.CHANGE_REGISTRY,
    media_types=("application/yaml", "application/json"),
    max_body_bytes=MAX_DOCUMENT_BYTES,
)
def apply_document(call: Call, query: ApplyQuery, text: str) -> Applied:
    """Make the registry what a document declares: all of it, or nothing if anything is wrong.

    It is the document of `postroad apply`, but for its secrets: they are written out, and null stands for one that is
    set. References to the environment or to files are refused: those of the hub are nobody's.
    """
    call.require(HUB)
    call.under_way.dropped = query.dry_run
    changes = call.declaring.apply(Source("", text), prune=query.prune)
    return Applied(dry_run=query.dry_run, changes=msgspec.convert(changes, list[AppliedChange], from_attributes=True))
