"""The family of errors. Each leaf asks its catcher for a different action.

    PostroadError
    ├── WireError          what a provider sent cannot be read: answer it by the protocol's table, record it
    ├── ConfigError        what an operator wrote is wrong: show where, and what to do
    ├── StoreUnavailable   the log or a database cannot take it now: answer 503, nothing was kept, try again
    ├── StoreCorrupt       what is stored cannot be read back: stop using it, tell the operator
    ├── EgressRefused      an address, name or certificate we must not talk to: do not retry blindly
    ├── NotFound           the thing named does not exist
    └── Forbidden          who asks may not have it, or it does not exist: the two are not told apart

No message ever holds a secret or a whole payload. Errors of libraries stop at the seam that calls them
(``raise ... from exc``).
"""


class PostroadError(Exception):
    """The root: catch this to catch everything the hub raises on purpose."""


class WireError(PostroadError):
    """What a provider sent cannot be read.

    Attributes:
        code: what is wrong, of a closed set, fit for a metric label: ``missing``, ``invalid`` or ``not_json``; of an
            item of a bulk also ``too_large`` or ``other_feed``.
        field: the path of the offending field as its protocol writes it (``event.status``), or ``None``.
    """

    def __init__(self, code: str, field: str | None = None) -> None:
        """Name the defect, never the value: values can be personal."""
        super().__init__(f"{field}: {code}" if field else code)
        self.code = code
        self.field = field


class ConfigError(PostroadError):
    """What an operator wrote is wrong.

    Attributes:
        file: the file it stands in, if any.
        line: the line, from 1, if known.
        field: the path of the field (``organizations[0].providers[1].protocol``), if known.
    """

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        """Build the whole sentence: ``file:line: field: message``."""
        place = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (place, field, message) if part))
        self.message = message
        self.file = file
        self.line = line
        self.field = field


class StoreUnavailable(PostroadError):
    """A store cannot take or give anything now; nothing was kept; trying again later may work.

    Attributes:
        reason: of a closed set, fit for a metric label: ``disk_reserve``, ``disk_full``, ``locked``, ``closed``,
            ``backlog``, ``io`` or ``lost`` (the other end of a networked store).
    """

    def __init__(self, reason: str, message: str) -> None:
        """Give the closed reason and a sentence for people."""
        super().__init__(message)
        self.reason = reason


class StoreCorrupt(PostroadError):
    """What is stored cannot be read back as it was written."""


class EgressRefused(PostroadError):
    """A URL, address or certificate that the hub's outbound rules do not allow.

    Attributes:
        reason: of a closed set: ``scheme``, ``address``, ``name``, ``tls`` or ``redirect``.
    """

    def __init__(self, reason: str, message: str) -> None:
        """Give the closed reason and a sentence for people."""
        super().__init__(message)
        self.reason = reason


class NotFound(PostroadError):
    """The thing named does not exist."""


class Forbidden(PostroadError):
    """Who asks may not have it, or it does not exist. Nobody learns which: that would tell of what is others'.

    Attributes:
        field: what was asked for, as the request writes it (``input[1]``), or ``None``.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        """Say what may not be had; never why."""
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
