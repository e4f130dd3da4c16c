"""What was sent, or would be, byte for byte."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """Some bytes: as a text if they are UTF-8, which nearly all are; else in Base64."""

    encoding: Annotated[Literal["utf-8", "base64"], Meta(description="How `data` says them.")]
    data: Annotated[str, Meta(description="The bytes.")]
