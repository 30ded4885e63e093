"""``python -m hybrid``: the same thing as the ``hybrid`` script."""

from __future__ import annotations

import sys

from hybrid.cli import main

if __name__ == "__main__":
    # The usage line takes the program's name from here; both ways show the same one.
    sys.argv[0] = "hybrid"
    sys.exit(main())
