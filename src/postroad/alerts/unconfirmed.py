"""The alert that the registry has been away for long: nothing is sent meanwhile."""

from postroad.access.confirmed import Confirmation
from postroad.alerts.book import THE_HUB, AlertBook

LASTS_S = 60.0
"""A registry that is away for less, as while it is started anew, needs nobody."""


async def watch_confirmation(book: AlertBook, confirmed: Confirmation) -> None:
    """Raise the alert once it has lasted, clear it once it is over. Called now and then."""
    if confirmed.holds:
        book.clear_alert("registry_unconfirmed", THE_HUB)
    elif confirmed.age_s > LASTS_S:
        book.raise_alert("registry_unconfirmed", THE_HUB, "the registry does not answer, and nothing is sent")
