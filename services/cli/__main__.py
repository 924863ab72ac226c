"""`aktif …` and `python -m services.cli`: the list of commands; each has a file of its own."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from services.cli import (
    account,
    asking,
    audit,
    check,
    dead,
    ledger_command,
    operator,
    provision,
    queues,
    register,
    up,
    workers,
)
from services.cli.help import examples

app = typer.Typer(
    name="aktif",
    help="Aktif turns a registration in an HR system into an activated account.",
    epilog=examples("aktif up --demo", "aktif check", "aktif register --help", "aktif --install-completion")
    + "\n\nSettings: the environment (AKTIF_…), a file .env, or the `aktif up` that runs in this folder.",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
up.add_to(app)
provision.add_to(app)
check.add_to(app)
register.add_to(app)
asking.add_to(app)
account.add_to(app)
queues.add_to(app)
ledger_command.add_to(app)
dead.add_to(app)
audit.add_to(app)
operator.add_to(app)
workers.add_to(app)


def _say_version(wanted: bool) -> None:
    if wanted:
        from shared.version import version_line

        typer.echo(version_line())
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the code an error arose.")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Show the version.")
    ] = False,
) -> None:
    del traceback, version  # the one is read from the arguments, for errors before any command runs
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        code = app(args=list(arguments), prog_name="aktif", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has seen enough; Python must not try to flush the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + signal.SIGPIPE
    except (Exception, KeyboardInterrupt) as error:
        from services.cli.failures import report

        return report(error, show_traceback="--traceback" in arguments)
    return code if isinstance(code, int) else 0


def main() -> None:
    """The entry point of `aktif`."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
