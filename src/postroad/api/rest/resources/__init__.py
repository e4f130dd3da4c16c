"""The operations of the API, a file for each resource. To add one: make a ``Resource``, and add it to the list here."""

from collections.abc import Sequence
from typing import Final

from postroad.api.rest.resources.alerts import alerts
from postroad.api.rest.resources.applying import applying
from postroad.api.rest.resources.attempts import attempts
from postroad.api.rest.resources.audit_log import audit_log
from postroad.api.rest.resources.dead_letters import dead_letters
from postroad.api.rest.resources.delivery_audit import delivery_audit
from postroad.api.rest.resources.destinations import destinations
from postroad.api.rest.resources.erasures import erasures
from postroad.api.rest.resources.events import events
from postroad.api.rest.resources.fleets import fleets
from postroad.api.rest.resources.grants import grants
from postroad.api.rest.resources.integrations import integrations
from postroad.api.rest.resources.organizations import organizations
from postroad.api.rest.resources.providers import providers
from postroad.api.rest.resources.quarantine import quarantine
from postroad.api.rest.resources.receivers import receivers
from postroad.api.rest.resources.service_accounts import service_accounts
from postroad.api.rest.resources.streams import streams
from postroad.api.rest.resources.subjects import subjects
from postroad.api.rest.resources.subscriptions import subscriptions
from postroad.api.rest.resources.tasks import tasks
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
    receivers,
    events,
    quarantine,
    attempts,
    dead_letters,
    delivery_audit,
    tasks,
    alerts,
    erasures,
)

ROUTES: Final[Sequence[Route]] = tuple(route for resource in RESOURCES for route in resource)
