"""What the fields are made of, and what is said about each: meaning, unit, and whether the vendor states it."""

from typing import Annotated

from msgspec import Meta


def said(meaning: str, *, unit: str = "", inferred: bool = False) -> Meta:
    """The facts of a field, to stand in its annotation.

    Args:
        meaning: what it says, in a few words.
        unit: of a number.
        inferred: the vendor states neither the field nor its unit where we could read it: from samples, arithmetic on
            them, or the vendor's own clients.
    """
    shown = {"x-unit": unit, "x-inferred": inferred}
    return Meta(
        description=meaning,
        extra={"unit": unit, "inferred": inferred},
        extra_json_schema={key: value for key, value in shown.items() if value},
    )


Token = Annotated[str, Meta(min_length=1, max_length=64)]
"""A UUID in nearly every case; in any case and with or without hyphens. The bound is ours."""
Text = Annotated[str, Meta(max_length=4096)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
