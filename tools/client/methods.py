"""Operations of the document as methods of a client."""

import keyword
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from schemas import Schema, Schemas, Unsupported, docstring, union

_IN_PATH = re.compile(r"\{(\w+)\}")
_JSON = "application/json"
_BASE = "/api/v1"
_HEADERS = {
    "If-Match": ("if_match", "an entity tag: change it only if it still is so."),
    "If-None-Match": ("if_none_match", "an entity tag: only if it is not so; `*`: only if there is none."),
    "Idempotency-Key": ("idempotency_key", "of the same request that was made before; else one is made."),
}
_WIDTH = 110


class Argument(NamedTuple):
    """Of a method."""

    name: str
    declared: str
    about: str


class Method:
    """One operation, as a method of either client."""

    def __init__(self, schemas: Schemas, path: str, verb: str, operation: Mapping[str, Any]) -> None:
        """``path`` and ``verb`` are the document's keys of the operation."""
        self._schemas = schemas
        self._path = path.removeprefix(_BASE)
        self._verb = verb.upper()
        self._operation = operation
        self._answer = self._good_answer()

    def source(self, *, is_async: bool) -> str:
        """The method."""
        operation = self._operation
        segments, others = [*self._segments()], [*self._body(), *self._query(), *self._conditions()]
        names = [argument.name for argument in (*segments, *others)]
        if len({*names}) != len(names):
            raise Unsupported(f"{operation['operationId']} takes one name twice: {names}")
        item = None if self._answer is None else self._schemas.item_of_page(self._answer)
        returned, call = self._returned(item, is_async=is_async)
        prefix = "async def" if is_async and item is None else "def"
        declared = ["self", *(one.declared for one in segments)]
        declared += ["*", *(one.declared for one in others)] if others else []
        about = "\n".join(_about(argument) for argument in (*segments, *others))
        text = operation["summary"] + "." + (f"\n\n{operation['description']}" if "description" in operation else "")
        return "\n".join(
            [
                f"{prefix} {operation['operationId']}({', '.join(declared)}) -> {returned}:",
                docstring(text, more=f"Args:\n{about}" if about else ""),
                f"    return {call}" if returned != "None" else f"    {call}",
                "",
            ]
        )

    def _returned(self, item: str | None, *, is_async: bool) -> tuple[str, str]:
        """What the method returns, and how it gets it."""
        asked = self._request(is_list=item is not None)
        if item is not None:
            return f"{'Async' if is_async else ''}Iterator[{item}]", f"self._pages({asked}, Page[{item}])"
        wait = "await " if is_async else ""
        if self._answer is None:
            return "None", f"{wait}self._do({asked})"
        answer = self._schemas.annotation(self._answer)
        return answer, f"{wait}self._ask({asked}, {answer})"

    def _request(self, *, is_list: bool) -> str:
        given = [repr(self._verb), repr(_IN_PATH.sub("{}", self._path)), *_IN_PATH.findall(self._path)]
        if query := [*self._query()]:
            given.append(f"query={_dict(query)}")
        if self._text_types():
            given.append("text=(media_type, text)")
        elif (body := self._body_schema()) is not None:
            given.append(f"body={_dict(self._fields(body))}")
        if not is_list:
            given += [f"{argument.name}={argument.name}" for argument in self._conditions()]
        return f"request({', '.join(given)})"

    def _parameters(self, where: str) -> Iterator[Mapping[str, Any]]:
        return (one for one in self._operation["parameters"] if one["in"] == where)

    def _segments(self) -> Iterator[Argument]:
        for parameter in self._parameters("path"):
            type_ = self._schemas.annotation(parameter["schema"])
            declared = f"{parameter['name']}: {'int' if type_ == 'int' else 'str | int'}"
            yield Argument(parameter["name"], declared, parameter["description"])

    def _query(self) -> Iterator[Argument]:
        for parameter in self._parameters("query"):
            if parameter["name"] == "cursor":
                continue  # the iterator's own
            name, type_ = _python(parameter["name"]), self._schemas.annotation(parameter["schema"])
            declared = f"{name}: {type_}" if parameter["required"] else f"{name}: {union(type_, 'None')} = None"
            about = "how many are asked for at once." if name == "limit" else parameter["description"]
            yield Argument(name, declared, about)

    def _conditions(self) -> Iterator[Argument]:
        if self._verb == "GET":
            return  # a client that keeps no copies has no use for 304
        for parameter in self._parameters("header"):
            name, about = _HEADERS[parameter["name"]]
            yield Argument(name, f"{name}: str | None = None", about)

    def _body(self) -> Iterator[Argument]:
        if types := self._text_types():
            yield Argument("text", "text: str", "the body.")
            literals = ", ".join(repr(type_) for type_ in types)
            yield Argument("media_type", f"media_type: Literal[{literals}] = {types[0]!r}", "what the body is.")
        elif (body := self._body_schema()) is not None:
            yield from sorted(self._fields(body), key=lambda one: "UNSET" in one.declared)

    def _fields(self, body: Schema) -> list[Argument]:
        found = []
        for field, schema in body["properties"].items():
            name, type_ = _python(field), self._schemas.annotation(schema)
            is_required = field in body.get("required", ())
            declared = f"{name}: {type_}" if is_required else f"{name}: {union(type_, 'UnsetType')} = UNSET"
            found.append(Argument(name, declared, schema.get("description", "")))
        return found

    def _content(self) -> Mapping[str, Any]:
        content: Mapping[str, Any] = self._operation.get("requestBody", {}).get("content", {})
        return content

    def _text_types(self) -> list[str]:
        """The media types of a body that is no JSON by a schema."""
        content = self._content()
        return [*content] if content and not any(one["schema"] for one in content.values()) else []

    def _body_schema(self) -> Schema | None:
        content = self._content()
        return self._schemas.resolved(content[_JSON]["schema"]) if content else None

    def _good_answer(self) -> Schema | None:
        responses = self._operation["responses"]
        good = next((responses[status] for status in ("200", "201", "202") if status in responses), None)
        schema: Schema | None = None if good is None else good["content"][_JSON]["schema"]
        return schema


def _python(name: str) -> str:
    return name + "_" if keyword.iskeyword(name) else name


def _dict(arguments: list[Argument]) -> str:
    return "{" + ", ".join(f"{one.name.rstrip('_')!r}: {one.name}" for one in arguments) + "}"


def _about(argument: Argument) -> str:
    about = argument.about or "What its name says."
    text = f"{argument.name}: {about[:1].lower()}{about[1:]}"
    return textwrap.fill(text, _WIDTH - 8, initial_indent="    ", subsequent_indent="        ")
