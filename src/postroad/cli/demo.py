"""``postroad demo``: the main job, shown."""

import asyncio
import signal

import click
from rich.live import Live
from rich.text import Text

from postroad.cli.output import messages, print_json
from postroad.clock import SystemClock
from postroad.simulate.demo import Demo, Progress, as_figures


@click.command("demo", short_help="See the main job done, with real input.")
@click.option("--seconds", type=click.FloatRange(min=2), help="Stop after so long; otherwise at Ctrl-C.")
@click.option("--vehicles", type=click.IntRange(1, 5000), default=100, show_default=True, help="How many drive.")
@click.option("--seed", type=int, default=1, show_default=True, help="Other vehicles, other stretches of road.")
def command(seconds: float | None, vehicles: int, seed: int) -> None:
    """Run a hub, vehicles that drive real speed logs, and a customer that fails and recovers in the middle.

    Everything is made in a folder of its own and removed again. The last line is one JSON object of figures.
    """
    figures = asyncio.run(_run(Demo(vehicles=vehicles, seconds=seconds, seed=seed, clock=SystemClock())))
    print_json(figures)
    if figures["lost"]:
        raise click.exceptions.Exit(1)


async def _run(demo: Demo) -> dict[str, object]:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    messages().print("A hub, a provider whose vehicles drive real speed logs, and an HTTPS customer. Ctrl-C stops.")

    def listening(url: str) -> None:
        messages().print(f"Watch it in a browser on this machine: {url}/")

    with Live(console=messages(), transient=True, auto_refresh=False) as live:
        result = await demo.run(lambda progress: live.update(_line(progress), refresh=True), stop, listening=listening)
    return as_figures(result)


def _line(progress: Progress) -> Text:
    customer = Text("customer answers", "green") if progress.customer_answers else Text("customer is down", "bold red")
    return Text.assemble(
        f"{progress.elapsed_s:6.1f} s   events in {progress.events_in:>8,}   delivered {progress.delivered:>8,}   ",
        customer,
        f"   repeated {progress.redelivered}   malformed {progress.malformed}",
    )
