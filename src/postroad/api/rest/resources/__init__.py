"""The operations of the API, a file for each resource. To add one: make a ``Resource``, and add it to the list here."""

from collections.abc import Sequence
from typing import Final

from postroad.api.rest.resources.destinations import destinations
from postroad.api.rest.resources.fleets import fleets
from postroad.api.rest.resources.integrations import integrations
from postroad.api.rest.resources.organizations import organizations
from postroad.api.rest.resources.providers import providers
from postroad.api.rest.resources.subjects import subjects
from postroad.api.rest.resources.subscriptions import subscriptions
from postroad.api.rest.resources.vehicles import vehicles
from postroad.api.rest.routes import Resource, Route

RESOURCES: Final[Sequence[Resource]] = (
    organizations,
    providers,
    fleets,
    vehicles,
    subjects,
    integrations,
    destinations,
    subscriptions,
)

ROUTES: Final[Sequence[Route]] = tuple(route for resource in RESOURCES for route in resource)
