"""The command line: arguments in, files out, no musical logic.

Every command imports what it needs when it runs, so that ``hybrid --help`` starts at once.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

from hybrid.core.errors import HybridError

#: Exit status for bad input, as for bad options.
BAD_INPUT = 2
#: Exit status after Ctrl-C, as shells have it: 128 and the number of the signal.
INTERRUPTED = 128 + signal.SIGINT

# System errors that speak about the user's files or disk, not about a defect of ours.
_ABOUT_FILES = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EEXIST,
        errno.EFBIG,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Errors meant for the user are one line and status 2; a defect of ours keeps its
    traceback. ``HYBRID_TRACEBACK=1`` shows the traceback of every error.
    """
    if arguments is None:
        _prepare_process()
    try:
        from hybrid.cli.app import app

        chosen = list(arguments) if arguments is not None else None
        # Not standalone: wrong options come here, to be told as other bad input is.
        status = app(chosen, prog_name="hybrid", standalone_mode=False)
    except KeyboardInterrupt:
        return _interrupted()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except HybridError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        # The reader of our output went away (`hybrid ... | head`); nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in _ABOUT_FILES:
            raise
        place = f": {error.filename}" if error.filename else ""
        return _refuse(f"{error.strerror}{place}")
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return _misused(error)
    if status == INTERRUPTED:
        return _interrupted()
    return status if isinstance(status, int) else 0


def _prepare_process() -> None:
    """What only a process of our own may change: signals and streams."""
    # Told to end, it unwinds as after Ctrl-C, so that nothing half-written stays behind.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    # A file's name may hold bytes that are no text; it is shown all the same.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _interrupted() -> int:
    print("hybrid: interrupted", file=sys.stderr)
    return INTERRUPTED


def _misused(error: Exception) -> int:
    """A wrong option or argument, as the parser of the command line words it."""
    context = getattr(error, "ctx", None)
    # Without any command the help itself is the answer.
    if type(error).__name__ == "NoArgsIsHelpError":
        print(context.get_help(), file=sys.stderr)  # type: ignore[union-attr]
        return BAD_INPUT
    message = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    where = f"; see `{context.command_path} --help`" if context is not None else ""
    return _refuse(f"{message}{where}")


def _refuse(message: str) -> int:
    if os.environ.get("HYBRID_TRACEBACK") == "1":
        traceback.print_exc()
    print(f"hybrid: error: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT
