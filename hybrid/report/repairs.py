"""The repairs of a composed piece, as a list in its page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from hybrid.core.trace import Trace
from hybrid.report.fragments import signs_in

#: Changed notes that are named of one repair.
MAX_CHANGES = 6


def repairs_list(trace: Trace) -> str:
    """What was mended, what could not be, and what the analyser alone disagrees with."""
    remarks = trace.of_kind("remark")
    parts = []
    if trace.repairs:
        mended = sum(bool(record["mended"]) for record in trace.repairs)
        rows = "".join(_item(record) for record in trace.repairs)
        parts.append(
            f"<details><summary>{mended} of {len(trace.repairs)} places mended</summary>"
            f"<ol>{rows}</ol></details>"
        )
    if remarks:
        rows = "".join(f"<li>{escape(entry.choice)}</li>" for entry in remarks)
        parts.append(
            f"<details><summary>Places that the analyser hears otherwise: {len(remarks)}</summary>"
            f"<ul>{rows}</ul></details>"
        )
    return "".join(parts)


def _item(record: Mapping[str, Any]) -> str:
    reason = escape(signs_in(str(record["reason"])))
    if not record["mended"]:
        return f"<li>{reason}<br><span class=remark>not mended</span></li>"
    changes = list(record["changes"])
    shown = "; ".join(changes[:MAX_CHANGES])
    if len(changes) > MAX_CHANGES:
        shown += f"; {len(changes) - MAX_CHANGES} more"
    maker = "single pitches" if record["maker"] == "nudge" else f"the engine {record['maker']}"
    return (
        f"<li>{reason}<br><span class=remark>by {escape(maker)}, "
        f"{record['candidates']} candidates: "
        f"{escape(signs_in(shown))}</span></li>"
    )
