"""What one change of the registry has the audit log say, as it gathers while the change is under way."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

SECRET: Final = "(secret)"  # noqa: S105 - what stands in a secret's stead


class Note(NamedTuple):
    """One thing that was done; see ``postroad.registry.transaction.Transaction.note``."""

    action: str
    kind: str
    id: str | None
    name: str
    organization_id: int | None
    subject_id: int | None
    fields: Mapping[str, tuple[Any, Any]]

    def more(self, later: "Note") -> "Note":
        """Both in one: what was, as the first had it, and what is, as the last has."""
        fields = dict(self.fields)
        for field, (was, is_) in later.fields.items():
            fields[field] = (fields[field][0] if field in fields else was, is_)
        return self._replace(
            name=self.name or later.name,
            organization_id=self.organization_id if later.organization_id is None else later.organization_id,
            subject_id=self.subject_id if later.subject_id is None else later.subject_id,
            fields=fields,
        )


class Notes:
    """In order. The same done to the same thing is one note, and so is making it and filling it in."""

    def __init__(self) -> None:
        """Nothing is noted yet."""
        self._notes: dict[tuple[str, str, str], Note] = {}

    def add(self, note: Note) -> None:
        """Take one more."""
        thing = f"id {note.id}" if note.id is not None else f"name {note.name}"
        key = (note.action, note.kind, thing)
        if note.action == "update" and (created := ("create", note.kind, thing)) in self._notes:
            key = created
        self._notes[key] = self._notes[key].more(note) if key in self._notes else note

    def all(self) -> list[Note]:
        """All of them."""
        return [*self._notes.values()]
