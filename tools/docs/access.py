"""The page on roles: who may do what, from the policy."""

import advice
from pieces import described, table

from postroad.access.policy import ALLOWED, Operation
from postroad.access.principals import Role


def access_page() -> str:
    """Each operation, what it is, and the roles that may do it."""
    rows = [
        [
            f"`{operation}`",
            described(f"advice on operation {operation}", advice.OPERATIONS.get(operation)),
            *("yes" if operation in ALLOWED[role] else "" for role in Role),
        ]
        for operation in Operation
    ]
    return (
        "# Roles\n\nWho may do what at the hub's API. *Yes* is within reach only: an operator reaches everything; an "
        "auditor one organization, or all; a fleet owner the fleets and vehicles of its organization; a provider and "
        "an integration themselves; an owner its own vehicles, on the [consent page](../how-to/consent.md). "
        "Everything else is answered as if it did not exist. [How to give somebody access](../how-to/access.md).\n\n"
        + table(["operation", "what it is", *(role.value.replace("_", " ") for role in Role)], rows)
    )
