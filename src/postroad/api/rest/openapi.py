"""The OpenAPI 3.1 document, made from what the resources declare."""

import functools
import inspect
import re
from typing import Any, Final

import msgspec

import postroad
from postroad.api.rest import problems
from postroad.api.rest.exchange import BASE, IDEMPOTENCY_KEY
from postroad.api.rest.problems import MEDIA_TYPE, Kind
from postroad.api.rest.resources import RESOURCES, ROUTES
from postroad.api.rest.routes import Route
from postroad.api.rest.types.problem import Problem

_REF: Final = "#/components/schemas/{name}"
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")

_EVERYWHERE: Final = (
    problems.MALFORMED,
    problems.UNAUTHENTICATED,
    problems.NOT_FOUND,
    problems.TOO_MANY_REQUESTS,
    problems.INTERNAL,
    problems.UNAVAILABLE,
)
_OF_CHANGES: Final = (problems.CONFLICT, problems.PRECONDITION_FAILED, problems.INVALID)
_OF_BODIES: Final = (problems.TOO_LARGE, problems.UNSUPPORTED_MEDIA_TYPE)

_ETAG: Final = {
    "description": "Which representation this is (RFC 9110): give it in `If-Match` to change this one and no other.",
    "required": True,
    "schema": {"type": "string"},
}


_IDEMPOTENCY: Final = "Carry this out once, however often it is asked; kept for 24 hours."
_TAGS: Final = {"type": "string"}


@functools.cache
def encoded_document() -> bytes:
    """The document as JSON."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2)


def document() -> dict[str, Any]:
    """The document as plain data."""
    schemas = _Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(BASE + route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Postroad",
            "version": postroad.__version__,
            "description": "What an operator of a Postroad hub does, as resources.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": resource.name, "description": resource.about} for resource in RESOURCES],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, the token of a provider or integration, or the access token of a "
                    "service account.",
                }
            },
        },
        "security": [{"bearer": []}],
    }


class _Schemas:
    """The schema of every struct that is taken or shown, once."""

    def __init__(self) -> None:
        types = [type_ for route in ROUTES for type_ in (route.body, route.answer) if type_ is not None]
        types.append(Problem)
        references, components = msgspec.json.schema_components(types, ref_template=_REF)
        self._of = dict(zip(map(str, types), references, strict=True))
        self.components: dict[str, Any] = {_name(key): _renamed(schema) for key, schema in components.items()}

    def of(self, type_: Any) -> dict[str, Any]:
        """A reference to the schema of a struct."""
        reference: dict[str, Any] = _renamed(self._of[str(type_)])
        return reference


def _name(text: str) -> str:
    """``Page_Organization_`` as ``PageOrganization``: generated clients make class names of them."""
    return "".join(_NOT_IN_NAMES.sub("", part) for part in text.split("_"))


def _renamed(schema: Any) -> Any:
    match schema:
        case {"type": "array", "prefixItems": [first, *others], "items": False} if all(one == first for one in others):
            # A pair of the same: said so that tools that know no tuples understand it.
            plain = {key: value for key, value in schema.items() if key not in ("prefixItems", "items")}
            return {**plain, "items": _renamed(first)}
        case dict():
            said = {
                key: _REF.format(name=_name(value.rpartition("/")[2])) if key == "$ref" else _renamed(value)
                for key, value in schema.items()
            }
            if said.get("type") == "array":
                said.setdefault("items", {})  # of anything; some tools want it said
            return said
        case list() | tuple():
            return [_renamed(one) for one in schema]
        case _:
            return schema


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    summary, _, description = inspect.getdoc(route.handler).partition("\n\n")  # type: ignore[union-attr]  # each has one
    operation: dict[str, Any] = {
        "operationId": route.id,
        "tags": [route.tag],
        "summary": summary.replace("\n", " ").rstrip("."),
        "x-postroad-operation": route.may.value,
        "parameters": _parameters(route),
        "responses": _responses(route, schemas),
    }
    if description:
        operation["description"] = description
    if route.body is not None:
        content = {media_type: {"schema": schemas.of(route.body)} for media_type in route.media_types}
        operation["requestBody"] = {"required": True, "content": content}
    elif route.takes_text:
        content = {media_type: {"schema": {}} for media_type in route.media_types}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": "Its id." if type_ is int else "Its name or id.",
            "schema": {"type": "integer", "minimum": 0} if type_ is int else {"type": "string", "minLength": 1},
        }
        for name, type_ in route.path_types.items()
    ]
    if route.query is not None:
        of_query = msgspec.json.schema(route.query)["$defs"][route.query.__name__]
        found += [
            {
                "name": name,
                "in": "query",
                "required": name in of_query.get("required", ()),
                "description": schema["description"],
                "schema": _said(schema),
            }
            for name, schema in of_query["properties"].items()
        ]
    if route.manner != "read":
        found.append(_header("Idempotency-Key", _IDEMPOTENCY, {"type": "string", "pattern": IDEMPOTENCY_KEY.pattern}))
    if route.current is not None:
        found.append(_header("If-Match", "Only if it is as this entity tag says.", _TAGS))
    if route.current is not None or route.manner == "read":
        found.append(
            _header("If-None-Match", "Only if it is not as this entity tag says; `*`: if there is none.", _TAGS)
        )
    return found


def _said(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a query parameter: what it is if it is there at all, without its description."""
    said = {key: value for key, value in schema.items() if key not in ("description", "anyOf")}
    if "anyOf" in schema:
        del said["default"]  # null: that it is not there
        said |= next(one for one in schema["anyOf"] if one != {"type": "null"})
    return said


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _responses(route: Route, schemas: _Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    if route.answer is None:
        responses["204"] = {"description": "It is done."}
    else:
        answered: dict[str, Any] = {
            "description": "The answer.",
            "content": {"application/json": {"schema": schemas.of(route.answer)}},
        }
        if route.method != "POST":
            answered["headers"] = {"ETag": _ETAG}
        responses["200"] = answered
    if route.creates:
        location = {"description": "Where it is.", "required": True, "schema": {"type": "string"}}
        headers = {**responses["200"].get("headers", {}), "Location": location}
        responses["201"] = {**responses["200"], "description": "It is new.", "headers": headers}
    if route.manner == "read":
        responses["304"] = {"description": "It is as `If-None-Match` says."}
    kinds = [*_EVERYWHERE, *(_OF_CHANGES if route.manner != "read" else ())]
    kinds += _OF_BODIES if route.body is not None or route.takes_text else ()
    for kind in sorted(kinds, key=lambda one: one.status):
        responses[str(kind.status)] = _problem(kind, schemas)
    return responses


def _problem(kind: Kind, schemas: _Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": f"{kind.title}.",
        "content": {MEDIA_TYPE: {"schema": schemas.of(Problem)}},
    }
    if kind.status in (409, 429, 503):  # of 409 only where the same request is being carried out
        after = {"description": "In seconds.", "required": kind.status != 409, "schema": {"type": "integer"}}
        answer["headers"] = {"Retry-After": after}
    if kind.status == 401:
        bearer = {"description": "`Bearer`.", "required": True, "schema": {"type": "string"}}
        answer["headers"] = {"WWW-Authenticate": bearer}
    return answer
