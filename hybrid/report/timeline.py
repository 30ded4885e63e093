"""The form as a coloured timeline: sections, phrases with themes, keys, cadences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from hybrid.core.plan import FormPlan, PlacedPhrase
from hybrid.report import svg
from hybrid.report.axis import WIDTH, Axis
from hybrid.report.colours import INK, key_colour, section_colours, theme_colours
from hybrid.report.words import CADENCE_NAMES, fit, key_name

RULER, SECTIONS, PHRASES, KEYS, CADENCES = 24.0, 46.0, 34.0, 24.0, 28.0
GAP = 4.0
_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def timeline_svg(plan: FormPlan) -> str:
    """Draw the form of a plan.

    Parameters
    ----------
    plan : FormPlan
        Complete: bars, key and metre for every phrase.

    Returns
    -------
    str
        An SVG without outside references, on an `Axis` of musical time. Blocks carry
        ``data-quarter``, where they begin.

    Raises
    ------
    PlanError
        If the plan is not complete.
    """
    phrases = list(plan.phrases())
    x = Axis(plan.quarters)
    y = 0.0
    body = _ruler(phrases, x)
    y += RULER
    body += _sections(plan, phrases, x, y)
    y += SECTIONS + GAP
    body += _phrases(phrases, x, y)
    y += PHRASES + GAP
    body += _keys(plan, phrases, x, y)
    y += KEYS + GAP
    body += _cadences(phrases, x, y)
    y += CADENCES
    return svg.document(
        WIDTH,
        y,
        body,
        name="timeline",
        label=f"Form of {plan.title or 'the piece'}",
        description=describe_form(plan),
        data=x.data,
    )


def describe_form(plan: FormPlan) -> str:
    """The form in words, for those who do not see the picture."""
    parts = []
    for index, group in groupby(plan.phrases(), key=lambda placed: placed.section_index):
        placed = list(group)
        section = plan.sections[index]
        keys = [key_name(key) for key, _ in groupby(placed, key=lambda item: item.key)]
        themes = " ".join(_theme_text(item) for item in placed)
        role = f" ({section.role})" if section.role else ""
        parts.append(
            f"{section.label}{role}: bars {placed[0].first_bar} to {placed[-1].last_bar}, "
            f"{', then '.join(keys)}; themes {themes}"
        )
    return ". ".join(parts) + "."


def _theme_text(placed: PlacedPhrase) -> str:
    # Theme A.a is plain a within section A.
    theme = (placed.phrase.theme or "–").removeprefix(f"{placed.section.label}.")
    return f"{theme}′" if placed.phrase.variation not in (None, "literal") else theme


def _ruler(phrases: Sequence[PlacedPhrase], x: Axis) -> list[str]:
    bars = [
        (placed.first_bar + offset, placed.start + offset * placed.metre.bar_quarters)
        for placed in phrases
        for offset in range(placed.bars)
    ]
    if not bars:
        return []
    room = x.span / len(bars)
    step = next((step for step in _STEPS if step * room >= 46), _STEPS[-1])
    drawn = [f'<g class="ruler" stroke="none" opacity="0.8"{svg.attributes(font_size=12.0)}>']
    for number, start in bars:
        # Bar 1, then round numbers: 8, 16, 24 ...
        if number == 1 or number % step == 0:
            drawn.append(svg.text(x(start), 14.0, str(number), 12.0, text_anchor="middle"))
            drawn.append(
                svg.line(x(start), 18.0, x(start), RULER - 1, stroke="currentColor", opacity="0.6")
            )
    drawn.append("</g>")
    return drawn


def _sections(plan: FormPlan, phrases: Sequence[PlacedPhrase], x: Axis, y: float) -> list[str]:
    colours = section_colours(section.label for section in plan.sections)
    drawn = ['<g class="sections">']
    for index, group in groupby(phrases, key=lambda placed: placed.section_index):
        placed = list(group)
        section = plan.sections[index]
        start, end = placed[0].start, placed[-1].end
        left, width = x(start), x(end) - x(start)
        fill, border = colours[section.label]
        n_bars = placed[-1].last_bar - placed[0].first_bar + 1
        label = (
            f"Section {section.label}{f', {section.role}' if section.role else ''}: bars "
            f"{placed[0].first_bar} to {placed[-1].last_bar}"
        )
        drawn.append(
            f'<g class="seek" data-quarter="{float(start)}" tabindex="0" role="button"'
            f"{svg.attributes(aria_label=f'{label}. Play from here')}>"
        )
        drawn.append(svg.title(f"{label} ({n_bars} bars)"))
        drawn.append(svg.rect(left + 1, y, width - 2, SECTIONS, rx=6.0, fill=fill, stroke=border))
        middle = left + width / 2
        name = fit(section.label, width - 8, 19)
        role = fit(section.role, width - 8, 12)
        if role and section.role != section.label:
            drawn.append(_label(middle, y + 20, name, 19.0, font_weight="650"))
            drawn.append(_label(middle, y + 37, role, 12.0))
        else:
            drawn.append(_label(middle, y + 30, name, 19.0, font_weight="650"))
        drawn.append("</g>")
    drawn.append("</g>")
    return drawn


def _phrases(phrases: Sequence[PlacedPhrase], x: Axis, y: float) -> list[str]:
    pairs = [(placed.section.label, placed.phrase.theme or "") for placed in phrases]
    colours = theme_colours(pairs)
    drawn = ['<g class="phrases">']
    for placed, pair in zip(phrases, pairs, strict=True):
        left, width = x(placed.start), x(placed.end) - x(placed.start)
        fill, border = colours[pair]
        drawn.append(f'<g class="seek" data-quarter="{float(placed.start)}">')
        drawn.append(svg.title(_phrase_words(placed)))
        drawn.append(svg.rect(left + 1, y, width - 2, PHRASES, rx=4.0, fill=fill, stroke=border))
        theme = _theme_text(placed)
        size = next(
            (size for size in (14.0, 12.0, 10.0) if fit(theme, width - 4, size) == theme), 10.0
        )
        detail = placed.phrase.variation or ""
        both = f"{_theme_text(placed)} · {detail}"
        middle = left + width / 2
        if detail and fit(both, width - 8, 12) == both:
            drawn.append(_label(middle, y + 21.5, both, 12.0))
        else:
            drawn.append(_label(middle, y + 22, fit(theme, width - 4, size), size))
        drawn.append("</g>")
    drawn.append("</g>")
    return drawn


def _phrase_words(placed: PlacedPhrase) -> str:
    phrase, shared = placed.phrase, placed.shared
    parts = [f"bars {placed.first_bar} to {placed.last_bar}"]
    if phrase.theme:
        variation = f", {phrase.variation}" if phrase.variation else ""
        parts.insert(0, f"theme {phrase.theme}{variation}")
    parts.append(key_name(placed.key))
    if phrase.cadence and phrase.cadence != "none":
        parts.append(CADENCE_NAMES[phrase.cadence])
    for value in (shared.texture, shared.dynamics):
        if value:
            parts.append(value.replace("_", " "))
    return "; ".join(parts)


def _keys(plan: FormPlan, phrases: Sequence[PlacedPhrase], x: Axis, y: float) -> list[str]:
    if not phrases:
        return []
    home = plan.key or phrases[0].key
    drawn = ['<g class="keys">']
    for key, group in groupby(phrases, key=lambda placed: placed.key):
        placed = list(group)
        start, end = placed[0].start, placed[-1].end
        left, width = x(start), x(end) - x(start)
        drawn.append(f'<g class="seek" data-quarter="{float(start)}">')
        drawn.append(
            svg.title(f"{key_name(key)}, bars {placed[0].first_bar}-{placed[-1].last_bar}")
        )
        drawn.append(svg.rect(left + 1, y, width - 2, KEYS, rx=3.0, fill=key_colour(key, home)))
        shown = key_name(key)
        if fit(shown, width - 6, 12) != shown:
            shown = shown.split()[0] if not key.is_minor else shown.split()[0].lower()
        drawn.append(_label(left + width / 2, y + 16.5, fit(shown, width - 4, 12), 12.0))
        drawn.append("</g>")
    drawn.append("</g>")
    return drawn


def _cadences(phrases: Sequence[PlacedPhrase], x: Axis, y: float) -> list[str]:
    drawn = ['<g class="cadences">']
    last = -100.0
    for placed in phrases:
        kind = placed.phrase.cadence
        if kind is None or kind == "none":
            continue
        right = x(placed.end) - 2
        drawn.append(
            f'<g class="seek" data-quarter="{float(placed.end - placed.metre.bar_quarters)}">'
        )
        drawn.append(svg.title(f"{CADENCE_NAMES[kind]}, bar {placed.last_bar}"))
        # A filled triangle closes, an open one leaves open.
        closes = kind in ("PAC", "IAC", "PC")
        corners = ((right - 9, y), (right, y), (right, y + 9))
        points = " ".join(f"{svg.px(a)},{svg.px(b)}" for a, b in corners)
        fill = "currentColor" if closes else "none"
        drawn.append(
            f'<polygon points="{points}" fill="{fill}" stroke="currentColor" stroke-width="1.2"/>'
        )
        if right - last > 30:
            drawn.append(svg.text(right, y + 23, kind, 11.0, text_anchor="end"))
            last = right
        drawn.append("</g>")
    drawn.append("</g>")
    return drawn


def _label(x: float, y: float, content: str, size: float, **more: object) -> str:
    # On a coloured block, whose colour is the same on light and dark pages.
    return svg.text(
        x, y, content, size, text_anchor="middle", fill=INK, pointer_events="none", **more
    )
