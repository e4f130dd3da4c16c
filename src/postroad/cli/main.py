"""``postroad``: the group of commands, and how errors reach people."""

import sys

import click

import postroad
from postroad.cli import apply, demo, doctor, events, explain, init, serve, subscriptions, token
from postroad.cli.output import messages
from postroad.errors import PostroadError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(postroad.__version__, prog_name="postroad")
def cli() -> None:
    """Postroad takes vehicle events in by one push protocol and sends them on by another; nothing is lost between.

    Begin with: postroad demo, or: postroad init, postroad apply FILE, postroad token issue PROVIDER, postroad serve.
    """


for command in (
    init.command,
    serve.command,
    demo.command,
    apply.command,
    token.group,
    events.group,
    explain.command,
    subscriptions.group,
    doctor.command,
):
    cli.add_command(command)


def main() -> None:
    """Run a command. Every error of ours is one sentence and exit code 1; click's own are 2."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except PostroadError as exc:
        messages().print(f"[bold red]error:[/] {exc}", markup=True)
        sys.exit(1)
