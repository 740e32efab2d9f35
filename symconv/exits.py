"""Exit statuses: how a command ends, whatever happens in it.

0: done, and every check held; 1: a check failed; 2: the request was wrong, which one message on
standard error explains; 130: interrupted. A reader that closes the pipe is no error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress

import click

from symconv.errors import ConfirmationError, SymconvError


def guarded(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command, without arguments its help; the status of the process."""
    # a stream that the caller closed is None: what is said goes nowhere
    with (open(os.devnull, "w", encoding="utf-8") as nowhere,
          redirect_stdout(sys.stdout or nowhere), redirect_stderr(sys.stderr or nowhere)):
        return _guarded(command, arguments)


def _guarded(command: click.Command, arguments: Sequence[str]) -> int:
    try:
        with command.make_context("symconv", list(arguments) or ["--help"]) as context:
            status = command.invoke(context)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        hint = f" (see `{error.ctx.command_path} --help`)" if error.ctx is not None else ""
        return _refused(error.format_message().rstrip(".") + hint)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ConfirmationError as error:
        _refused(str(error))
        return 1
    except SymconvError as error:
        return _refused(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        return _refused(f"{place}{error.strerror or error}")
    except (RecursionError, MemoryError):
        return _refused("the request is too large for this machine; make it smaller")


def _refused(message: str) -> int:
    with suppress(OSError):             # the status tells it where nothing can be written
        print(f"symconv: error: {message}", file=sys.stderr, flush=True)
    return 2
