"""``postroad serve``: run the hub."""

import asyncio
import gc
import signal
from pathlib import Path
from typing import Any

import click
import msgspec
import uvloop

from postroad import logs
from postroad.api.process import ApiProcess
from postroad.cli.folder import folder_option, settings_of
from postroad.cli.output import messages
from postroad.errors import StoreUnavailable
from postroad.service import Hub

OBJECTS_BETWEEN_COLLECTIONS = 20_000
"""Python's own figure is 700: a few dozen requests, so that all that waits for a commit was gone through many times.
Nothing on a request's way is a cycle; with fewer collections a request takes about 1.5 us of CPU less."""


@click.command("serve", short_help="Run the hub.")
@folder_option
@click.option("--host", help="Address to listen on, instead of the setting hub.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, instead of the setting hub.port.")
@click.option(
    "--role",
    type=click.Choice(["all", "hub", "api"]),
    default="all",
    show_default=True,
    help="hub: entrances, routing and delivery only; api: the live page only, beside a running hub.",
)
def command(folder: Path, host: str | None, port: int | None, role: str) -> None:
    """Run the hub until it is told to stop (SIGTERM or Ctrl-C).

    With --role its work is shared by two processes on one folder, each with a port of its own.
    """
    settings = settings_of(folder)
    changed: dict[str, Any] = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if role == "hub":
        changed["live_page"] = "off"
    hub = msgspec.structs.replace(settings.hub, **changed)
    logs.configure(hub.log_format)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    kind = ApiProcess if role == "api" else Hub
    uvloop.run(_serve(kind(folder, msgspec.structs.replace(settings, hub=hub)), hub.host))


async def _serve(hub: Hub | ApiProcess, host: str) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await hub.start()
    if (certificates := hub.certificates) is not None:
        loop.add_signal_handler(signal.SIGHUP, certificates.reload)
    scheme = "http" if certificates is None else "https"
    messages().print(f"Postroad listens on {scheme}://{host}:{hub.port}")
    waits = [asyncio.create_task(event.wait()) for event in (told, hub.failed)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    messages().print("Stopping: finishing what was accepted")
    await hub.stop()
    if hub.failed.is_set():
        raise StoreUnavailable("closed", "the hub stopped because a part of it broke down; its log says which")
