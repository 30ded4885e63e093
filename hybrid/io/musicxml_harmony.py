"""An analysis in MusicXML: Roman numerals below the lowest staff, chord symbols on top."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from hybrid.core.analysis import ChordSpan
from hybrid.core.chord_symbols import ChordSymbol, chord_symbol
from hybrid.core.pitch import Key, letter_and_alteration
from hybrid.io.xml_text import escape

#: Lines of XML for the measures that have any.
Rows = dict[int, list[str]]
_HIDDEN = ' print-object="no"'


def numeral_rows(chords: Sequence[ChordSpan], starts: Sequence[int], end: int, staff: int) -> Rows:
    """Roman numerals, with the key where it changes.

    Parameters
    ----------
    chords : sequence of ChordSpan
    starts : sequence of int
        Ticks at which the measures begin.
    end : int
        Tick at which the last one ends; chords from there on are left out.
    staff : int
        The staff of the part, from 1, that they stand under.
    """
    found: Rows = {}
    key: Key | None = None
    for chord in chords:
        if chord.onset >= end:
            continue
        text = chord.numeral if chord.key == key else f"{_key_label(chord.key)}: {chord.numeral}"
        key = chord.key
        at, offset = _place(chord.onset, starts)
        letter, alteration = letter_and_alteration(chord.root)
        found.setdefault(at, []).append(
            f'<harmony placement="below"><root><root-step text="">{letter}</root-step>'
            f"{_alter('root', alteration, _HIDDEN)}</root>"
            f'<kind text="{escape(text)}">none</kind>'
            f"{offset}<staff>{staff}</staff></harmony>"
        )
    return found


def symbol_rows(chords: Sequence[ChordSpan], starts: Sequence[int], end: int) -> Rows:
    """Chord symbols over the first staff, where they change."""
    found: Rows = {}
    before: ChordSymbol | None = None
    for chord in chords:
        symbol = chord_symbol(chord)
        if chord.onset >= end or symbol is None or symbol == before:
            continue
        before = symbol
        at, offset = _place(chord.onset, starts)
        letter, alteration = letter_and_alteration(symbol.root)
        bass = ""
        if symbol.bass != symbol.root:
            step, shift = letter_and_alteration(symbol.bass)
            bass = f"<bass><bass-step>{step}</bass-step>{_alter('bass', shift)}</bass>"
        found.setdefault(at, []).append(
            f'<harmony placement="above"><root><root-step>{letter}</root-step>'
            f"{_alter('root', alteration)}</root>"
            f'<kind text="{escape(symbol.suffix)}">{symbol.kind}</kind>'
            f"{bass}{offset}<staff>1</staff></harmony>"
        )
    return found


def _place(tick: int, starts: Sequence[int]) -> tuple[int, str]:
    at = max(0, bisect_right(starts, tick) - 1)
    later = tick - starts[at]
    return at, f"<offset>{later}</offset>" if later else ""


def _alter(name: str, alteration: int, more: str = "") -> str:
    return f"<{name}-alter{more}>{alteration}</{name}-alter>" if alteration else ""


def _key_label(key: Key) -> str:
    tonic = key.name.split()[0].replace("b", "♭").replace("#", "♯")
    return tonic[0].lower() + tonic[1:] if key.is_minor else tonic
