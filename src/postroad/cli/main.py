"""``postroad``: the group of commands, and how errors reach people."""

import importlib
import sys

import click
from rich.text import Text

import postroad
from postroad.cli.output import messages
from postroad.errors import PostroadError

COMMANDS = {
    "init": "command",
    "serve": "command",
    "demo": "command",
    "apply": "command",
    "token": "group",
    "service-account": "group",
    "key": "group",
    "events": "group",
    "explain": "command",
    "audit": "command",
    "audit-log": "group",
    "quarantine": "group",
    "subscriptions": "group",
    "grants": "group",
    "owner": "group",
    "deadletters": "group",
    "fetches": "group",
    "tasks": "group",
    "erase": "group",
    "contracts": "group",
    "alerts": "group",
    "upstream": "group",
    "receivers": "group",
    "decode": "command",
    "translate": "command",
    "schema": "command",
    "doctor": "command",
    "backup": "command",
    "restore": "command",
    "upgrade": "command",
}
"""Command -> its name in the module of the same name, hyphens as underscores.

A command's module is read only when it is asked for.
"""


class LazyGroup(click.Group):
    """Reads a command's module when the command is wanted: ``token list`` need not wait for an HTTP server's code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command, or ``None`` if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"postroad.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = getattr(module, COMMANDS[cmd_name])
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(postroad.__version__, prog_name="postroad")
def cli() -> None:
    """Postroad takes vehicle events in by one push protocol and sends them on by another; nothing is lost between.

    Begin with: postroad demo, or: postroad init, postroad apply FILE, postroad token issue PROVIDER, postroad serve.
    """


def main() -> None:
    """Run a command. Every error of ours is one sentence and exit code 1; click's own are 2."""
    try:
        sys.exit(cli(standalone_mode=False) or 0)  # the exit code that a command raised
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except PostroadError as exc:
        messages().print(Text.assemble(("error:", "bold red"), f" {exc}"))
        sys.exit(1)
