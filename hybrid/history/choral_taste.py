"""Heuristics of the chord skeleton: of the chords that may stand, which is tried first."""

from __future__ import annotations

from hybrid.history.choral_chords import BOOK
from hybrid.history.choral_skeleton import Moment


@BOOK.heuristic("roots fall by fifths", "KP ch. 7; P", 1.2, depth=1)
def falling_fifth(at: Moment) -> float:
    return float(at.was is not None and (at.now.root - at.was.root) % 12 == 5)


@BOOK.heuristic("roots move by thirds down or seconds up", "P", 0.4, depth=1)
def other_root_motion(at: Moment) -> float:
    return float(at.was is not None and (at.now.root - at.was.root) % 12 in (1, 2, 8, 9))


@BOOK.heuristic("the harmony changes", "ASC ch. 3; E90m", -1.6, depth=1)
def same_root(at: Moment) -> float:
    return float(at.was is not None and at.now.root == at.was.root)


@BOOK.heuristic("root position on accented beats", "ASC ch. 10", 0.8)
def accented_root(at: Moment) -> float:
    return float(at.slot.accent >= 2 and at.now.inversion == 0)


@BOOK.heuristic("first inversions on weak beats", "ASC ch. 10", 0.4)
def weak_inversion(at: Moment) -> float:
    return float(at.slot.accent == 1 and at.now.inversion == 1)


@BOOK.heuristic("outer voices in contrary motion", "ASC ch. 6; H", 1.0, depth=1)
def contrary_outer_voices(at: Moment) -> float:
    was, now = at.was, at.now
    if was is None:
        return 0.0
    return float((now.pitches[0] - was.pitches[0]) * (now.bass - was.bass) < 0)


@BOOK.heuristic("outer voices make thirds, sixths and tenths", "H; S", 0.8)
def imperfect_outer_voices(at: Moment) -> float:
    return float((at.now.pitches[0] - at.now.bass) % 12 in (3, 4, 8, 9))


@BOOK.heuristic("a triad in root position doubles its root", "KP ch. 5", 0.6)
def doubled_root(at: Moment) -> float:
    now = at.now
    return float(now.inversion == 0 and now.classes.count(now.root) == 2)


@BOOK.heuristic("chords are complete", "KP ch. 5", 0.5)
def complete_chord(at: Moment) -> float:
    return float(len(set(at.now.classes)) == len(at.now.members))


@BOOK.heuristic("an authentic cadence", "KP ch. 10; E90", 3.0, depth=1)
def authentic_cadence(at: Moment) -> float:
    was = at.inside
    return float(at.slot.is_fermata and was is not None and was.leads_to(at.now))


@BOOK.heuristic("a dominant in root position before the fermata", "E90", 1.0, depth=1)
def strong_dominant(at: Moment) -> float:
    was = at.inside
    return float(
        at.slot.is_fermata and was is not None and was.leading is not None and was.inversion == 0
    )


@BOOK.heuristic("a tonic goes over a subdominant to the dominant", "KP ch. 7", 0.6, depth=1)
def subdominant_to_dominant(at: Moment) -> float:
    was, now = at.inside, at.now
    if was is None:
        return 0.0
    goes = was.numeral.function == "subdominant" and now.numeral.function == "dominant"
    return float(goes and not was.is_applied)


@BOOK.heuristic("a suspended sixth chord before the dominant: ii65", "E90m", 0.8)
def supertonic_seventh(at: Moment) -> float:
    return float(at.now.text in ("ii65", "iiø65"))


@BOOK.heuristic("the mediant is rare", "P", -2.5)
def mediant(at: Moment) -> float:
    return float(at.now.numeral.degree == 3 and not at.now.is_applied)


@BOOK.heuristic("an applied dominant only where it is worth it", "E90m", -3.5)
def needless_applied(at: Moment) -> float:
    return float(at.now.is_applied)


@BOOK.heuristic("a chromatic tone of the tune is an applied leading tone", "KP ch. 16", 2.5)
def leading_tune(at: Moment) -> float:
    return float(at.now.is_applied and at.now.classes[0] == at.now.leading)


@BOOK.heuristic("no seventh on the tonic or the submediant", "P", -1.0)
def weak_seventh(at: Moment) -> float:
    now = at.now
    return float(now.seventh is not None and now.numeral.degree in (1, 4, 6))


@BOOK.heuristic("a phrase begins with a plain triad", "E90m", 0.8)
def plain_beginning(at: Moment) -> float:
    return float(at.slot.starts_phrase and at.now.seventh is None and not at.now.is_applied)


@BOOK.heuristic("not the same chord as two beats ago", "ours", -0.6, depth=2)
def rocking_harmony(at: Moment) -> float:
    before = at.back(2)
    return float(before is not None and before.text == at.now.text)


@BOOK.heuristic("an applied dominant before the phrase's last chord", "KP ch. 16; E90", 3.0)
def applied_cadence(at: Moment) -> float:
    now = at.now
    return float(at.slot.before_fermata and now.is_applied and now.numeral.degree == 5)


@BOOK.heuristic("the leading-tone triad is rarer than the dominant", "P", -1.0)
def leading_tone_triad(at: Moment) -> float:
    return float(at.now.numeral.degree == 7)


@BOOK.heuristic("a phrase begins on its tonic or dominant in root position", "KP ch. 7", 1.0)
def firm_beginning(at: Moment) -> float:
    now = at.now
    return float(at.slot.starts_phrase and now.inversion == 0 and now.numeral.degree in (1, 5))


@BOOK.heuristic("tonic, subdominant and dominant bear most of a tune", "KP ch. 7; P", 0.9)
def primary_triads(at: Moment) -> float:
    return float(at.now.numeral.degree in (1, 4, 5) and not at.now.is_applied)


@BOOK.heuristic("the submediant's sixth chord is rare", "P", -1.0)
def submediant_sixth(at: Moment) -> float:
    return float(at.now.numeral.degree == 6 and at.now.inversion == 1 and not at.now.is_applied)
