"""One spelling for each identifier, so that two spellings of one vehicle are found equal."""

_SEPARATORS = str.maketrans("", "", " .-")


def normalise(namespace: str, value: str) -> str:
    """The spelling under which an identifier is stored and looked up; an unknown namespace's stays as it is.

    ``plate``: upper case, without spaces, dots and hyphens. ``vin``: upper case, without surrounding space.
    """
    if namespace == "plate":
        return value.translate(_SEPARATORS).upper()
    if namespace == "vin":
        return value.strip().upper()
    return value
