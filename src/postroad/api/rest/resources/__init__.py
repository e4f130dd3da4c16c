"""The operations of the API, a file for each resource. To add one: make a ``Resource``, and add it to the list here."""

from collections.abc import Sequence
from typing import Final

from postroad.api.rest.resources.organizations import organizations
from postroad.api.rest.routes import Resource, Route

RESOURCES: Final[Sequence[Resource]] = (organizations,)

ROUTES: Final[Sequence[Route]] = tuple(route for resource in RESOURCES for route in resource)
