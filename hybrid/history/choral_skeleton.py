"""Constraints of the chord skeleton: which chord may stand where, and what voices may do between.

All look at one chord and those before it, as rhythmless blocks; ornaments are the fill-in view's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hybrid.core.pitch import Key
from hybrid.history.choral_chords import BOOK, Chord
from hybrid.history.choral_tune import Slot

#: Degrees that a degree of the key may go to (KP ch. 7); the same degree may always follow.
GOES_TO = {
    1: (1, 2, 3, 4, 5, 6, 7),
    2: (2, 5, 7),
    3: (3, 4, 6),
    4: (1, 2, 4, 5, 7),
    5: (1, 5, 6, 7),
    6: (2, 3, 4, 5, 6, 7),
    7: (1, 3, 5, 7),
}


@dataclass(slots=True)
class Moment:
    """A candidate, the chords before it, and its place in the tune."""

    now: Chord
    path: Sequence[Chord]
    slot: Slot
    key: Key

    def back(self, n: int) -> Chord | None:
        """The chord ``n`` places back, None before the beginning."""
        return self.path[-n] if n <= len(self.path) else None

    @property
    def tonic(self) -> int:
        """Pitch class of the key's tonic."""
        return self.key.tonic * 7 % 12

    @property
    def was(self) -> Chord | None:
        return self.back(1)

    @property
    def inside(self) -> Chord | None:
        """The chord before, if it belongs to this phrase."""
        return None if self.slot.starts_phrase else self.back(1)


# --- One chord alone -------------------------------------------------------------------------


@BOOK.constraint("soprano and alto, alto and tenor stand within an octave", "ASC ch. 6; KP ch. 5")
def spacing_of_upper_voices(at: Moment) -> bool:
    soprano, alto, tenor, _ = at.now.pitches
    return soprano - alto > 12 or alto - tenor > 12


@BOOK.constraint("tenor and bass stand within a twelfth", "KP ch. 5; P")
def spacing_of_the_bass(at: Moment) -> bool:
    return at.now.pitches[2] - at.now.pitches[3] > 19


@BOOK.constraint("no two voices on one pitch, but tenor and bass may meet", "KP ch. 5")
def unison(at: Moment) -> bool:
    soprano, alto, tenor, _ = at.now.pitches
    return soprano == alto or alto == tenor


@BOOK.constraint("every chord has its third", "ASC ch. 6; KP ch. 5")
def missing_third(at: Moment) -> bool:
    return at.now.members[1] not in at.now.classes


@BOOK.constraint("only a chord in root position may lack a tone, its fifth", "ASC ch. 6; KP ch. 13")
def incomplete_chord(at: Moment) -> bool:
    now = at.now
    optional = {now.members[2]} if now.inversion == 0 else set()
    return not set(now.members) - optional <= set(now.classes)


@BOOK.constraint("the leading tone is not doubled", "ASC ch. 6; KP ch. 5")
def doubled_leading_tone(at: Moment) -> bool:
    return at.now.leading is not None and at.now.classes.count(at.now.leading) > 1


@BOOK.constraint("a seventh is not doubled", "ASC ch. 7; KP ch. 13")
def doubled_seventh(at: Moment) -> bool:
    return at.now.seventh is not None and at.now.classes.count(at.now.seventh) > 1


@BOOK.constraint("a raised tone is not doubled", "KP ch. 16; P")
def doubled_raised_tone(at: Moment) -> bool:
    return any(at.now.classes.count(tone) > 1 for tone in at.now.raised)


@BOOK.constraint("no tone is sung by three voices, except the last root", "KP ch. 5")
def tripled_tone(at: Moment) -> bool:
    return not at.slot.is_last and any(at.now.classes.count(tone) > 2 for tone in at.now.members)


@BOOK.constraint(
    "in root position the third of a major triad is not doubled alone", "KP ch. 6; ASC ch. 6"
)
def doubled_third(at: Moment) -> bool:
    now = at.now
    if now.numeral.triad != "major" or now.inversion or now.seventh is not None:
        return False
    # The submediant of a deceptive cadence in minor is the exception.
    if now.numeral.degree == 6:
        return False
    return now.classes.count(now.members[1]) > 1 and now.classes.count(now.root) < 2


@BOOK.constraint("a tune begins with its tonic, or on a pickup with its dominant", "KP ch. 7")
def first_chord(at: Moment) -> bool:
    if at.slot.index:
        return False
    now = at.now
    is_tonic = now.numeral.degree == 1 and now.inversion == 0
    is_upbeat = at.slot.accent == 1 and now.text in ("V", "V6", "I6", "i6")
    return now.is_applied or now.numeral.is_cadential or not (is_tonic or is_upbeat)


@BOOK.constraint("a tune ends with its tonic in root position", "KP ch. 10")
def last_chord(at: Moment) -> bool:
    return at.slot.is_last and at.now.text not in ("I", "i")


@BOOK.constraint("in minor the major tonic waits for the last chord", "P")
def early_picardy(at: Moment) -> bool:
    now = at.now
    is_picardy = now.text == "I" and len(now.raised) > 0
    return is_picardy and not at.slot.is_last


@BOOK.constraint(
    "under a fermata stands a plain triad in root position, no applied dominant", "KP ch. 10; E90"
)
def fermata_chord(at: Moment) -> bool:
    if not at.slot.is_fermata:
        return False
    now = at.now
    is_plain = now.is_tonic_like and now.inversion == 0 and now.seventh is None
    return not is_plain or now.is_applied


@BOOK.constraint("a phrase does not begin with a six-four or an inverted seventh", "ASC ch. 11")
def phrase_beginning(at: Moment) -> bool:
    now = at.now
    return at.slot.starts_phrase and (
        now.numeral.is_cadential or (now.seventh is not None and now.inversion != 0)
    )


@BOOK.constraint("the cadential six-four stands on an accented beat", "ASC ch. 11; KP ch. 9")
def weak_six_four(at: Moment) -> bool:
    return at.now.numeral.is_cadential and at.slot.accent == 1


@BOOK.constraint("of a cadential six-four the bass is doubled", "KP ch. 9")
def six_four_doubling(at: Moment) -> bool:
    now = at.now
    return now.numeral.is_cadential and now.classes.count(now.members[2]) != 2


@BOOK.constraint(
    "short notes of the tune off the beat are chord tones or move by step", "KP ch. 11"
)
def dissonant_tune(at: Moment) -> bool:
    notes = at.slot.notes
    for before, note in pairwise(notes):
        if note.pitch % 12 not in at.now.members and not 1 <= abs(note.pitch - before.pitch) <= 2:
            return True
    return False


# --- One chord and the tune's next note ----------------------------------------------------------


@BOOK.constraint("an applied dominant stands where its tonic bears the next note", "KP ch. 16")
def applied_without_future(at: Moment) -> bool:
    now, after = at.now, at.slot.next_pitch
    if not now.is_applied:
        return False
    # A fifth below, a third above that in one of two sizes, and the dominants of the same tonic.
    tonic = {(now.target + tone) % 12 for tone in (0, 3, 4, 7)}
    dominant = {(now.target + tone) % 12 for tone in (7, 11, 2, 5)}
    return after < 0 or after % 12 not in tonic | dominant


@BOOK.constraint("a leading tone in the tune rises, unless its dominant goes on", "ASC ch. 7")
def leading_tone_of_the_tune(at: Moment) -> bool:
    now, after = at.now, at.slot.next_pitch
    if after < 0 or now.classes[0] != now.leading:
        return False
    step = after - at.slot.notes[-1].pitch
    return step != 1 and (after - now.target) % 12 not in (11, 2, 5, 7, 10, 9)


@BOOK.constraint("a seventh in the tune steps down or stays", "ASC ch. 9; KP ch. 13")
def seventh_of_the_tune(at: Moment) -> bool:
    now, after = at.now, at.slot.next_pitch
    if now.classes[0] != now.seventh:
        return False
    return after < 0 or after - at.slot.pitch not in (0, -1, -2)


@BOOK.constraint("a cadential six-four stands where the tune can resolve it", "ASC ch. 11")
def six_four_without_future(at: Moment) -> bool:
    now, after = at.now, at.slot.next_pitch
    if not now.numeral.is_cadential:
        return False
    step = after - at.slot.pitch
    is_fifth = now.classes[0] == now.members[2]
    return after < 0 or (step not in (0, 12, -12, -2, -5) if is_fifth else step not in (-1, -2))


@BOOK.constraint("before a fermata stands a chord that can close on its note", "KP ch. 10; E90")
def before_a_fermata(at: Moment) -> bool:
    if not at.slot.before_fermata:
        return False
    now, after = at.now, at.slot.next_pitch % 12
    if now.numeral.is_cadential:
        return True
    if now.leading is not None and (after - now.target) % 12 in (0, 3, 4, 7):
        return False
    degree = now.numeral.degree if not now.is_applied else 0
    tonic = at.tonic
    to_dominant = degree in (1, 2, 4, 6) and (after - tonic) % 12 in (7, 11, 2)
    plagal = degree == 4 and (after - tonic) % 12 in (0, 3, 4, 7)
    deceptive = now.text in ("V", "V7") and (after - tonic) % 12 in (8, 9, 0, 3, 4)
    stays = now.seventh is None and after in now.members
    return not (to_dominant or plagal or deceptive or stays)


@BOOK.constraint("the subtonic and the major subdominant of minor keep their ways", "KP ch. 4", 1)
def modal_minor(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or was.is_applied or was.leading is not None:
        return False
    if was.numeral.degree == 7:
        return now.numeral.degree not in (3, 6, 7) and not now.is_applied
    is_raised = was.numeral.degree == 4 and was.numeral.triad == "major" and bool(was.raised)
    return is_raised and not (now.numeral.degree in (5, 7) or now.is_applied)


# --- Two chords in a row: how harmony moves ----------------------------------------------------


@BOOK.constraint("degrees follow each other as in the common progressions", "KP ch. 7", depth=1)
def progression(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or was.is_applied or was.numeral.is_cadential:
        return False
    if now.is_applied or now.numeral.is_cadential:
        # An applied dominant may follow anything but a dominant that wants its own tonic.
        return was.numeral.degree in (5, 7) and was.seventh is not None
    return now.numeral.degree not in GOES_TO[was.numeral.degree]


@BOOK.constraint("an applied dominant goes to its own tonic", "KP ch. 16", depth=1)
def applied_resolution(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or not was.is_applied:
        return False
    if was.leads_to(now):
        return False
    # Another dominant of the same tonic prolongs it, and a six-four may come before the dominant.
    prolongs = now.leading is not None and now.target == was.target
    delays = now.numeral.is_cadential and now.members[2] == was.target
    return not (prolongs or delays)


@BOOK.constraint("the cadential six-four goes to the dominant over its bass", "ASC ch. 11", depth=1)
def six_four_resolution(at: Moment) -> bool:
    was, now = at.was, at.now
    if was is None or not was.numeral.is_cadential:
        return False
    if now.text not in ("V", "V7") or now.bass % 12 != was.bass % 12:
        return True
    for voice in range(3):
        step = now.pitches[voice] - was.pitches[voice]
        if was.classes[voice] == was.members[0] and step not in (-1, -2):
            return True
        if was.classes[voice] == was.members[1] and step not in (-1, -2, 1, 2):
            return True
    return False


@BOOK.constraint("a six-four is not reached from a dominant", "ASC ch. 11", depth=1)
def six_four_approach(at: Moment) -> bool:
    was, now = at.was, at.now
    return (
        was is not None
        and now.numeral.is_cadential
        and not was.is_applied
        and was.numeral.degree in (3, 5, 7)
    )


@BOOK.constraint("a chord does not run from a weak beat over the bar line", "KP ch. 7", depth=1)
def harmonic_syncopation(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or at.slot.accent != 3 or at.slot.index == 1:
        return False
    return was.root == now.root and was.bass % 12 == now.bass % 12


@BOOK.constraint(
    "a phrase closes with an authentic, half, plagal or deceptive cadence", "KP ch. 10", depth=1
)
def cadence(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or not at.slot.is_fermata:
        return False
    if was.root == now.root:
        return False  # a feminine ending: its approach is the rule below
    if was.leads_to(now):
        # A weaker close with an inverted dominant may stand inside the tune, not at its end.
        return at.slot.is_last and was.text not in ("V", "V7")
    degree = was.numeral.degree if not was.is_applied else 0
    if now.text == "V":
        return degree not in (1, 2, 4, 6)
    if now.numeral.degree == 1:
        return not (degree == 4 and was.inversion == 0 and was.seventh is None)
    return not (now.numeral.degree == 6 and was.text in ("V", "V7"))


@BOOK.constraint("a chord that repeats at a cadence was reached by its dominant", "ours", depth=2)
def feminine_cadence(at: Moment) -> bool:
    was, before, now = at.inside, at.back(2), at.now
    if was is None or before is None or not at.slot.is_fermata or was.root != now.root:
        return False
    if was.is_applied or was.seventh is not None:
        return True
    if at.slot.is_last:
        return not before.leads_to(was)
    return not (before.leads_to(was) or now.text == "V")


@BOOK.constraint("no chord is struck three times in a row", "ours", depth=2)
def chord_three_times(at: Moment) -> bool:
    was, before = at.was, at.back(2)
    if was is None or before is None:
        return False
    return at.now.root == was.root == before.root
