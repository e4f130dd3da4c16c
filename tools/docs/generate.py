"""Write the reference pages, and tables in others, from the code: ``python tools/docs/generate.py``.

They are committed; a test compares.

Whatever has no description ends the run with its name, so nothing reaches a release undocumented.
"""

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import advice
import click
import connected_cars
import drivequant
import msgspec
import protocol_tables
import rest
import translation_pages
from pieces import Undocumented, described, table

import access
from postroad import errors
from postroad.access.service_keys import SIGN_IN_PATH
from postroad.alerts.book import KINDS
from postroad.api import damoov as fetch_api
from postroad.api import sign_in
from postroad.api.graphql.schema import sdl
from postroad.api.graphql.server import PATH
from postroad.cli.main import cli
from postroad.delivery.options import DeliveryOptions, RetryOptions
from postroad.ingest.http import connected_cars_feeds as feeds
from postroad.ingest.http import damoov as notifications
from postroad.ingest.http import drivequant_services, problems, token_endpoint
from postroad.ingest.http.answers import Answer
from postroad.protocols import CONTRACTS
from postroad.protocols.contract import Contract, GiveUp, plan_of
from postroad.protocols.damoov import PATHS
from postroad.protocols.drivequant import SLOTS as PUSH_SERVICES
from postroad.protocols.drivetech import answers
from postroad.registry.drivers import UNNAMED
from postroad.registry.upstreams import FAILED
from postroad.settings import Settings
from postroad.transports import PUSHES

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
METRICS = "postroad.metrics.declared"
HEAD = "<!-- Made by tools/docs/generate.py: change the code and run `make reference`. -->\n\n"


def settings_page() -> str:
    """Every setting by section, from the descriptions and bounds in ``postroad.settings``."""
    schemas = msgspec.json.schema(Settings)["$defs"]
    text = (
        "# Settings\n\nA hub reads `postroad.toml` in its data folder, then variables of its environment, which count "
        "more. `postroad init` writes the file with every line commented out at its default. A change counts from the "
        "next start on; a key that is not known is an error.\n\nThe variable of a setting is "
        "`POSTROAD_<SECTION>_<NAME>`, as in `POSTROAD_HUB_PORT`; a list in it is separated by commas.\n"
    )
    for section in msgspec.structs.fields(Settings):
        schema = schemas[section.type.__name__]
        text += f"\n## `[{section.name}]`\n\n{described(section.name, schema.get('description'))}\n\n"
        text += table(
            ["setting", "type", "default", "meaning"],
            [
                [
                    f"`{name}`",
                    _type(field),
                    f"`{msgspec.json.encode(field['default']).decode()}`",
                    described(f"setting {section.name}.{name}", field.get("description")),
                ]
                for name, field in schema["properties"].items()
            ],
        )
    return text


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "type" not in schema:
        return "any"
    name = {"integer": "whole number", "string": "text", "array": "list", "boolean": "true or false"}
    words = [name.get(schema["type"], schema["type"])]
    words += [f"from {schema['minimum']}"] if "minimum" in schema else []
    words += [f"above {schema['exclusiveMinimum']}"] if "exclusiveMinimum" in schema else []
    words += [f"to {schema['maximum']}"] if "maximum" in schema else []
    return " ".join(words)


def cli_page() -> str:
    """Every command with its help and options, from the click tree."""
    text = (
        "# Command line\n\nResults go to standard output, everything else to standard error. With `--json` a result is "
        "one JSON document, or one a line where results stream. Exit codes: 0 it worked; 1 it did not, and one "
        "sentence says why and what to do; 2 the command was written wrongly; 130 stopped by Ctrl-C.\n"
    )
    for path, command, context in commands(cli, click.Context(cli, info_name="postroad")):
        text += f"\n## `{path}`\n\n"
        if command.deprecated:
            text += "*Deprecated.*\n\n"
        text += "\n\n".join(described(path, part) for part in (command.help or "").split("\n\n") if part.strip())
        if not command.help:
            raise Undocumented(path)
        if isinstance(command, click.Group):
            rows = []
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                short = below.short_help or below.help if below else None
                rows.append([f"[`{name}`](#{_anchor(f'{path} {name}')})", described(f"{path} {name}", short)])
            text += "\n\n" + table(["command", "what it does"], rows)
            continue
        text += f"\n\n    {path} {' '.join(command.collect_usage_pieces(context))}\n\n"
        options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
        if options:
            text += table(["option", "default", "meaning"], [_option(path, o, context) for o in options])
        for argument in (p for p in command.params if isinstance(p, click.Argument)):
            name = argument.make_metavar(context).strip("[].")
            if name not in (command.help or ""):
                raise Undocumented(f"{path}: argument {name} is not in its help")
    return text


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    """A command and all below it: how it is called, itself, its context."""
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from commands(below, click.Context(below, parent=context, info_name=name))


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w-]+", "-", heading.lower())


def _option(path: str, option: click.Option, context: click.Context) -> list[str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if not option.is_flag:
        names += f" {option.make_metavar(context)}"
    shown = option.to_info_dict()["default"]
    default = "" if option.is_flag or shown in (None, "", ()) else f"`{shown}`"
    meaning = described(f"{path} {option.opts[-1]}", option.help)
    return [names, default, meaning + (f" Variable: `{option.envvar}`." if option.envvar else "")]


def errors_page() -> str:
    """The family of errors: what each means, and what a person does about it."""
    text = (
        "# Errors\n\nEverything the hub reports on purpose is one of these. A command prints the sentence and ends "
        "with exit code 1; the hub logs it. No message holds a secret or a whole payload.\n"
    )
    for name, error in _errors():
        doc = inspect.cleandoc(error.__doc__ or "")
        summary, _, attributes = doc.partition("Attributes:")
        if name not in advice.ERRORS:
            raise Undocumented(f"advice on {name}")
        text += f"\n## {name}\n\n{described(name, summary)}\n\n**What to do.** {advice.ERRORS[name]}\n"
        reasons = _closed_set(attributes)
        if reasons:
            text += "\n" + table(["reason", "what to do"], [[f"`{r}`", _advice(name, r)] for r in reasons])
    return text + rest.problems_section()


def _errors() -> list[tuple[str, type[Exception]]]:
    found = inspect.getmembers(errors, lambda e: inspect.isclass(e) and issubclass(e, errors.PostroadError))
    return sorted((name, error) for name, error in found if error is not errors.PostroadError)


def _closed_set(attributes: str) -> list[str]:
    """The words that an attribute ``of a closed set`` may be, from its docstring."""
    _, _, after = attributes.partition("of a closed set")
    return re.findall(r"``(\w+)``", re.split(r"\n    \w+:", after)[0])


def _advice(error: str, reason: str) -> str:
    return described(f"advice on {error} {reason}", advice.REASONS.get(error, {}).get(reason))


def alerts_page() -> str:
    """Every kind of alert, and what a person does about it."""
    rows = [
        [f"`{kind}`", described(f"advice on alert {kind}", advice.ALERTS.get(kind))]
        for kind in (*KINDS, FAILED, UNNAMED)
    ]
    return (
        "# Alerts\n\nWhat a person should look at, as `postroad alerts list` shows it. "
        "Each is about one subscription; `backlog_...` is about a shard of the log, `upstream_...`, "
        "`receiver_failing` and `deleted_driver_unknown` are about a provider, `registry_unconfirmed` is about the "
        "whole hub.\n\n" + table(["kind", "what it means, and what to do"], rows)
    )


def http_page() -> str:
    """The answers of the entrance, from the bodies that are sent."""
    rows = []
    for status, body in sorted({**answers.BY_STATUS, 400: answers.INVALID_JSON}.items()):
        when = described(f"advice on HTTP status {status}", advice.HTTP.get(status))
        rows.append([str(status), f"`{msgspec.json.decode(body)['description']}`", when])
    return (
        "# HTTP answers\n\n"
        "What a provider's client is answered at `POST /provider/event/new/`. The body is "
        '`{"status": true or false, "description": "..."}`. A 400 about a field names it: '
        f"`{msgspec.json.decode(answers.parameter_required('plate'))['description']}`, "
        f"`{msgspec.json.decode(answers.parameter_invalid('speed'))['description']}`. "
        "[The protocol's page](../protocols/drivetech.md) has every field and type.\n\n"
        + table(["status", "description", "what it means, and what the client does"], rows)
        + "\n## Bulks\n\nAt "
        + ", ".join(f"`POST {bulks.path}`" for bulks in (feeds.STREAMS, feeds.ACCOUNT, feeds.CAR))
        + ". So are other paths answered, except the one above.\n\n"
        + table(
            ["status", "body", "what it means, and what the sender does"],
            [
                [str(status), ", ".join(f"`{body.decode()}`" for body in bodies), advice.BULK_HTTP[status]]
                for status, bodies in _bulk_bodies().items()
            ],
        )
        + "\n## Single items\n\nAt "
        + ", ".join(f"`POST {drivequant_services.PATH}/{service}`" for service in PUSH_SERVICES)
        + f" and `POST {notifications.PATH}`, one item a request, the answers are those of bulks. An item that "
        "cannot be read is stored in quarantine and answered 200; only what is no JSON at all is answered 400.\n"
        f"\n## Access tokens\n\nAt `POST {token_endpoint.PATH}`, the client credentials grant of OAuth 2.0.\n\n"
        + table(
            ["status", "body", "what it means, and what the client does"],
            [
                [str(answer.status), f"`{answer.body.decode()}`", advice.TOKEN_ERRORS[_error_code(answer)]]
                for answer in token_endpoint.ERRORS
            ],
        )
        + "\n## Pushes\n\nAt "
        + ", ".join(f"`/in/{transport}/PROVIDER_ID`" for transport in PUSHES)
        + ", for providers whose `receive` names that transport. [How to](../how-to/queues.md#receiving).\n\n"
        + table(
            ["status", "what it means, and what the operator does"],
            [[str(status), text] for status, text in advice.PUSH_HTTP.items()],
        )
        + f"\n## Service accounts\n\nAt `POST {SIGN_IN_PATH}`, where an assertion becomes an access token. An "
        'answer is `{"token": "...", "level": "AM1", "expires": <seconds>}`, or `{"message": "...", "type": "..."}`; a '
        "`type` stays what it is, a message need not. [How to](../how-to/access.md).\n\n"
        + table(
            ["status", "type", "what it means, and what the client does"],
            [[str(one.status), f"`{one.type}`", advice.SIGN_IN_HTTP[one.status]] for one in sign_in.FAILURES],
        )
        + f"\n## GraphQL\n\nAt `POST {PATH}`. The body has `data`, `errors` or both; each error has a `message` and "
        "`extensions.code`. [How to](../how-to/graphql.md).\n\n"
        + table(
            ["status", "what it means, and what the client does"],
            [[str(status), text] for status, text in advice.GRAPHQL_HTTP.items()],
        )
        + "\n## Damoov's fetch API\n\nAt "
        + ", ".join(f"`GET {path}`" for path in PATHS.values())
        + ', with the header `DeviceToken`. What is no dataset is `{"Status": ..., "Title": "...", "Result": null, '
        '"Errors": []}`. [How to](../how-to/damoov-out.md).\n\n'
        + table(
            ["status", "title", "what it means, and what the customer does"],
            [["200", "", advice.FETCH_HTTP[200]]]
            + [[str(status), f"`{title}`", advice.FETCH_HTTP[status]] for status, title in fetch_api.TITLES.items()],
        )
    )


def graphql_page() -> str:
    """The schema as its file has it."""
    return (
        "# GraphQL schema\n\nWhat can be asked at `POST /graphql`; [how to](../how-to/graphql.md). `Cursor` is text, "
        f"`DateTime` text by RFC 3339 in UTC.\n\n```graphql\n{sdl()}```\n"
    )


def _error_code(answer: Answer) -> str:
    code: str = msgspec.json.decode(answer.body)["error"]
    return code


def _bulk_bodies() -> dict[int, list[bytes]]:
    """The bodies that entrances of bulks answer with, by status."""
    answers_ = [
        problems.STORED,
        problems.refused(errors.WireError("not_json")),
        problems.UNAUTHORIZED,
        problems.NOT_FOUND,
        problems.METHOD_NOT_ALLOWED,
        problems.TOO_LARGE,
        problems.TOO_MANY_ITEMS,
        problems.SERVER_ERROR,
        problems.unavailable(5),
    ]
    bodies: dict[int, list[bytes]] = {}
    for answer in answers_:
        bodies.setdefault(answer.status, []).append(answer.body)
    return bodies


def contracts_page() -> str:
    """Every delivery contract, and what a subscription may change of it."""
    text = (
        "# Delivery contracts\n\nHow each protocol's events are delivered: what counts as delivered, in which order, "
        "what an answer asks for, and what a delivery that keeps failing goes through. "
        "`postroad contracts show NAME` prints the same. Times count from the first attempt, without jitter, for an "
        "event that was first tried the moment it happened.\n\n"
        + table(
            ["answer asks for", "which means"], [[f"`{action}`", advice.ACTIONS[action]] for action in advice.ACTIONS]
        )
    )
    for contract in CONTRACTS.values():
        text += f"\n## {contract.name}\n\n"
        text += table(["rule", "is"], _contract_rows(contract))
        text += "".join(f"\nNot published by the vendor: {sentence}\n" for sentence in contract.inferred)
    text += "\n## What a subscription may change\n\nUnder `delivery` in its declaration.\n\n"
    text += _options_table(DeliveryOptions)
    text += "\n`retry`, and each type's entry in `retry_of`, may hold:\n\n" + _options_table(RetryOptions)
    return text


def _contract_rows(contract: Contract) -> list[list[str]]:
    plan = plan_of(contract)
    shown = [f"{attempt.at_s:g}" for attempt in plan.attempts]
    if len(shown) > 12:
        shown = [*shown[:6], "...", *shown[-3:]]
    end = "then a dead letter" if isinstance(plan.then, GiveUp) else f"then every {plan.then.every_s:g} s, without end"
    first, last = contract.success
    return [
        ["delivered", str(first) if first == last else f"{first} to {last}"],
        ["order", f"`{contract.order}`"],
        ["attempts", f"{len(plan.attempts)} listed, at s: {', '.join(shown)}; {end}"],
        ["schedule", f"of the {contract.schedule_of}"],
        *[
            [f"{r.first}" if r.first == r.last else f"{r.first} to {r.last}", f"`{r.action}`"]
            for r in contract.responses
        ],
        ["events at once", f"{contract.max_items}, at most {contract.item_ceiling}"],
        *([["marked late", f"from {contract.late_after_s:g} s on"]] if contract.late_after_s is not None else []),
    ]


def _options_table(options: type[msgspec.Struct]) -> str:
    fields = msgspec.json.schema(options)["$defs"][options.__name__]["properties"]
    rows = []
    for name, field in fields.items():
        meanings = [field, *field.get("anyOf", ())]
        text = next((one["description"] for one in meanings if one.get("description")), None)
        default = field.get("default")
        unset = default is None or (isinstance(default, dict) and not any(default.values()))
        shown = "as the contract says" if unset else f"`{msgspec.json.encode(default).decode()}`"
        rows.append([f"`{name}`", shown, described(f"{options.__name__}.{name}", text)])
    return table(["option", "default", "meaning"], rows)


def metrics_page() -> str:
    """Every metric the hub exposes: ``ALL`` of ``postroad.metrics.declared`` has name, kind, labels and help."""
    rows = []
    for metric in importlib.import_module(METRICS).ALL:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
        rows.append([f"`{metric.name}`", metric.kind, labels, described(f"metric {metric.name}", metric.help)])
    return (
        "# Metrics\n\nServed at `/metrics` in Prometheus' text format. Every label is of a closed or bounded set.\n\n"
        + table(["metric", "kind", "labels", "meaning"], rows)
    )


def pages() -> dict[str, str]:
    """File name -> text of each generated page. Raises ``Undocumented``."""
    makers: dict[str, Callable[[], str]] = {
        "settings.md": settings_page,
        "cli.md": cli_page,
        "errors.md": errors_page,
        "alerts.md": alerts_page,
        "http.md": http_page,
        "access.md": access.access_page,
        "graphql.md": graphql_page,
        "rest.md": rest.operations_page,
        "connected-cars-types.md": connected_cars.types_page,
        "drivequant-bodies.md": drivequant.bodies_page,
        "contracts.md": contracts_page,
    }
    if importlib.util.find_spec(METRICS.rpartition(".")[0]) is not None:
        makers["metrics.md"] = metrics_page
    return {name: HEAD + make() for name, make in makers.items()} | {"openapi.json": rest.document()}


def main() -> None:
    """Write the pages; exit code 1 with the name of what has no description."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        for name, text in pages().items():
            (FOLDER / name).write_text(text, encoding="utf-8")
        for name, text in protocol_tables.pages().items():
            (protocol_tables.FOLDER / name).write_text(text, encoding="utf-8")
        translation_pages.FOLDER.mkdir(exist_ok=True)
        for name, text in translation_pages.pages().items():
            (translation_pages.FOLDER / name).write_text(HEAD + text, encoding="utf-8")
    except Undocumented as exc:
        sys.exit(f"without a description: {exc}")


if __name__ == "__main__":
    main()
