"""A typed client of a hub's REST API, for programs beside it; docs/how-to/client.md shows it.

``Client`` asks and waits, ``AsyncClient`` is for an event loop. Each has a method for every operation, made by
tools/client/generate.py from the API's OpenAPI document, as is ``types``. Nothing of the hub is imported.

Needs the extra ``postroad[client]``.
"""

try:
    import httpx as _httpx  # noqa: F401 - only to say what to install
except ImportError as exc:
    raise ImportError("postroad.client needs httpx: pip install 'postroad[client]'") from exc

from postroad.client.answers import Page, Representation
from postroad.client.async_client import AsyncClient
from postroad.client.client import Client
from postroad.client.errors import ApiError, ClientError, NoAnswer
from postroad.client.retries import Retries

__all__ = ["ApiError", "AsyncClient", "Client", "ClientError", "NoAnswer", "Page", "Representation", "Retries"]
