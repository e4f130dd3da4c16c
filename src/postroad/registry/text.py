"""Text of foreign origin, made fit for a database's text column."""


def storable(text: str) -> str:
    """PostgreSQL's text takes neither NUL nor half a surrogate pair; an answer's first characters may hold both."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
