"""The pages on the REST API: its operations, its document, its problems."""

import advice
from pieces import described, table

from postroad.access.policy import ALLOWED
from postroad.access.principals import Role
from postroad.api.rest.exchange import BASE
from postroad.api.rest.openapi import encoded_document
from postroad.api.rest.problems import KINDS
from postroad.api.rest.resources import RESOURCES


def operations_page() -> str:
    """Each operation by resource, and the roles that may ask for it."""
    text = (
        f"# REST operations\n\nPaths are below `{BASE}`. A hub serves [the OpenAPI document](openapi.json) at "
        f"`{BASE}/openapi.json`, to anybody. Roles are within their reach only: [roles](access.md). "
        "[How to use it](../how-to/rest.md).\n"
    )
    for resource in RESOURCES:
        text += f"\n## {resource.name}\n\n{resource.about}\n\n"
        rows = []
        for route in resource:
            summary = described(route.id, (route.handler.__doc__ or "").partition("\n\n")[0])
            roles = ", ".join(role.value.replace("_", " ") for role in Role if route.may in ALLOWED[role])
            rows.append([f"`{route.id}`", f"`{route.method} {route.path}`<br>{summary}", roles])
        text += table(["operation", "what it does", "roles"], rows)
    return text


def document() -> str:
    """The OpenAPI document."""
    return encoded_document().decode() + "\n"


def problems_section() -> str:
    """The kinds of problems, each with a heading: a problem's ``type`` leads there."""
    text = (
        "\n# Problems\n\nWhat the REST API answers that it could not do, as RFC 9457 has it. A problem's `type` is one "
        "of these headings.\n"
    )
    for kind in KINDS:
        what = described(f"advice on problem {kind.name}", advice.PROBLEMS.get(kind.name))
        text += f"\n## {kind.name}\n\n{kind.status}: {kind.title}.\n\n**What to do.** {what}\n"
    return text
