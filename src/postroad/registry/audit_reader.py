"""The audit log as the command line and the API read it; ``RegistryStore.audit_log``."""

from collections.abc import Iterator

from postroad.db.engine import Database
from postroad.registry import audit_log
from postroad.registry.audit_chain import Broken, Head, Record
from postroad.registry.audit_log import EVERYTHING, Entry, Wanted


class AuditReader:
    """Reads; nothing here changes anything. Every method raises ``StoreUnavailable`` when that cannot be done now."""

    def __init__(self, database: Database) -> None:
        """``database`` is the registry's."""
        self._database = database

    def listed(self, wanted: Wanted = EVERYTHING, *, below: int | None = None, limit: int = 100) -> list[Entry]:
        """The newest entries first, of those below a number."""
        with self._database.read() as connection:
            return audit_log.listed(connection, wanted, below=below, limit=limit)

    def entry(self, number: int) -> Entry:
        """One entry. ``NotFound`` for an unknown number."""
        with self._database.read() as connection:
            return audit_log.get(connection, number)

    def records(self, wanted: Wanted = EVERYTHING) -> Iterator[Record]:
        """Entries as they are chained, from the first on: what an export holds. Read in parts, each of one moment."""
        after = 0
        while True:
            with self._database.read() as connection:
                part = list(audit_log.records(connection, wanted, after=after, limit=audit_log.READ_AT_ONCE))
            yield from part
            if len(part) < audit_log.READ_AT_ONCE:
                return
            after = part[-1].link.number

    def part(self, *, after: int, limit: int) -> list[Record]:
        """Some of the same: those above a number."""
        with self._database.read() as connection:
            return list(audit_log.records(connection, after=after, limit=limit))

    def head(self) -> Head:
        """The number and hash of the newest entry. Kept elsewhere, it proves later that none below was changed."""
        with self._database.read() as connection:
            return audit_log.read_head(connection)

    def verify(self, noted: Head | None = None) -> Head | Broken:
        """Look through the whole log: its head, or where it does not hold; ``noted``: an earlier head."""
        with self._database.read() as connection:
            return audit_log.verify(connection, noted)
