"""Headers of safetensors files in one order.

The library keeps its header's metadata in a table without an order, so the same weights come
out as other bytes each time. Here the header is written again, sorted.

References
----------
The safetensors format: eight bytes with the header's length, the header as JSON, the tensors.
"""

from __future__ import annotations

import json

_LENGTH = 8


def in_order(content: bytes) -> bytes:
    """The same file with its header sorted and padded to a multiple of eight bytes.

    Parameters
    ----------
    content : bytes
        A whole safetensors file. Places of tensors are counted from the header's end, so they
        stay true.

    Examples
    --------
    >>> header = b'{"b":1,"a":2}   '
    >>> in_order(len(header).to_bytes(8, "little") + header + b"data")[8:]
    b'{"a":2,"b":1}   data'
    """
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    header = json.loads(content[_LENGTH:end])
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH)
    return len(text).to_bytes(_LENGTH, "little") + text + content[end:]
