"""Text inside XML."""

from __future__ import annotations

import re
from xml.sax import saxutils

#: Characters that XML 1.0 cannot hold at all.
_FORBIDDEN = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def escape(text: str) -> str:
    """Text for an element or a quoted attribute; what XML forbids becomes a space.

    >>> escape('Tom & "Jerry"\\x00')
    'Tom &amp; &quot;Jerry&quot; '
    """
    return saxutils.escape(_FORBIDDEN.sub(" ", text), {'"': "&quot;"})
