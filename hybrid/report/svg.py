"""The little of SVG that the pictures need."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "http://www.w3.org/2000/svg"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def px(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def attributes(**values: object) -> str:
    """Attributes with a space before each; ``_`` becomes ``-``, None is left out."""
    parts = []
    for name, value in values.items():
        if value is None:
            continue
        text = px(value) if isinstance(value, float) else str(value)
        parts.append(f" {name.rstrip('_').replace('_', '-')}={quoteattr(text)}")
    return "".join(parts)


def rect(x: float, y: float, width: float, height: float, **more: object) -> str:
    return f"<rect{attributes(x=x, y=y, width=max(width, 0.0), height=height, **more)}/>"


def text(x: float, y: float, content: str, size: float, **more: object) -> str:
    return f"<text{attributes(x=x, y=y, font_size=size, **more)}>{escape(content)}</text>"


def line(x1: float, y1: float, x2: float, y2: float, **more: object) -> str:
    return f"<line{attributes(x1=x1, y1=y1, x2=x2, y2=y2, **more)}/>"


def title(content: str) -> str:
    """A tooltip, as first child of what it explains."""
    return f"<title>{escape(content)}</title>"


def document(
    width: float,
    height: float,
    body: list[str],
    *,
    name: str,
    label: str,
    description: str,
    data: dict[str, str] | None = None,
) -> str:
    """A picture with its name and description for screen readers.

    ``name`` begins the ids; text takes the colour of the page around.
    """
    extra = "".join(f" data-{key}={quoteattr(value)}" for key, value in (data or {}).items())
    return "\n".join(
        [
            f'<svg xmlns="{NAMESPACE}" class="{name}" viewBox="0 0 {px(width)} {px(height)}" '
            f'width="{px(width)}" height="{px(height)}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc" font-family="{escape(FONT)}" '
            f'fill="currentColor"{extra}>',
            f'<title id="{name}-title">{escape(label)}</title>',
            f'<desc id="{name}-desc">{escape(description)}</desc>',
            *body,
            "</svg>",
        ]
    )
