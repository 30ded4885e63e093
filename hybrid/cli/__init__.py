"""The command line: arguments in, files out, no musical logic.

Every command imports what it needs when it runs, so that ``hybrid --help`` starts at once.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence

from hybrid.core.errors import HybridError

#: Exit status for bad input, as for bad options.
BAD_INPUT = 2

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
    from hybrid.cli.app import app

    try:
        app(list(arguments) if arguments is not None else None, prog_name="hybrid")
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
    return 0


def _refuse(message: str) -> int:
    if os.environ.get("HYBRID_TRACEBACK") == "1":
        traceback.print_exc()
    print(f"hybrid: error: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT
