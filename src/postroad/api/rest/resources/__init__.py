"""The operations of the API, a file for each resource. To add one: make a ``Resource``, and add it to the list here."""

from collections.abc import Sequence
from typing import Final

from postroad.api.rest.resources.applying import applying
from postroad.api.rest.resources.audit_log import audit_log
from postroad.api.rest.resources.destinations import destinations
from postroad.api.rest.resources.fleets import fleets
from postroad.api.rest.resources.grants import grants
from postroad.api.rest.resources.integrations import integrations
from postroad.api.rest.resources.organizations import organizations
from postroad.api.rest.resources.providers import providers
from postroad.api.rest.resources.service_accounts import service_accounts
from postroad.api.rest.resources.streams import streams
from postroad.api.rest.resources.subjects import subjects
from postroad.api.rest.resources.subscriptions import subscriptions
from postroad.api.rest.resources.tokens import tokens
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
    streams,
    grants,
    tokens,
    service_accounts,
    audit_log,
    applying,
)

ROUTES: Final[Sequence[Route]] = tuple(route for resource in RESOURCES for route in resource)
