"""``postroad serve``: run the hub."""

import asyncio
import logging
import signal
from pathlib import Path

import click
import msgspec
import uvloop

from postroad.cli.folder import folder_option, settings_of
from postroad.cli.output import messages
from postroad.errors import StoreUnavailable
from postroad.service import Hub
from postroad.settings import Settings


@click.command("serve", short_help="Run the hub.")
@folder_option
@click.option("--host", help="Address to listen on, instead of the setting hub.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, instead of the setting hub.port.")
def command(folder: Path, host: str | None, port: int | None) -> None:
    """Run the hub until it is told to stop (SIGTERM or Ctrl-C)."""
    settings = settings_of(folder)
    changed = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    hub = msgspec.structs.replace(settings.hub, **changed)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for library in ("alembic", "uvicorn", "aiohttp"):
        logging.getLogger(library).setLevel(logging.WARNING)
    uvloop.run(_serve(folder, msgspec.structs.replace(settings, hub=hub)))


async def _serve(folder: Path, settings: Settings) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    hub = Hub(folder, settings)
    await hub.start()
    if (certificates := hub.certificates) is not None:
        loop.add_signal_handler(signal.SIGHUP, certificates.reload)
    scheme = "http" if certificates is None else "https"
    messages().print(f"Postroad listens on {scheme}://{settings.hub.host}:{hub.port}")
    waits = [asyncio.create_task(event.wait()) for event in (told, hub.failed)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    messages().print("Stopping: finishing what was accepted")
    await hub.stop()
    if hub.failed.is_set():
        raise StoreUnavailable("closed", "the hub stopped because a part of it broke down; its log says which")
