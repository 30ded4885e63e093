"""The engine ``rules``: a plan becomes music by search under the rules, without learned weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from hybrid.core.engine import Region
from hybrid.core.errors import ConflictError, PlanError
from hybrid.core.plan import Constraint, FormPlan, PlacedPhrase
from hybrid.core.score import Score
from hybrid.core.seeds import MAX_SEED, stage_rng
from hybrid.core.trace import Trace
from hybrid.rules.accompany import fill_accompanied
from hybrid.rules.accompany_constrained import write_accompanied
from hybrid.rules.assemble import make_score, make_trace
from hybrid.rules.chain import Chain, Stretch
from hybrid.rules.chorale import fill_chorale
from hybrid.rules.constrained import write_in_parts
from hybrid.rules.demands import lay_out
from hybrid.rules.drums import add_drums
from hybrid.rules.endings import Ending, blame, has_ending
from hybrid.rules.foresight import returns_of
from hybrid.rules.harmony import Chord, beat_ticks, plan_chords, to_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import Filled, Tail
from hybrid.rules.parts import (
    PartTable,
    Voice,
    accompanied_voices,
    make_parts,
    part_voices,
    pitched_players,
)
from hybrid.rules.patterns import HOMOPHONIC, n_strands
from hybrid.rules.phrases import Context
from hybrid.rules.playing import Scheme
from hybrid.rules.regions import fill_region
from hybrid.rules.strands import StrandMemory
from hybrid.rules.themes import Shape, ShapeNote, Theme, invent
from hybrid.rules.underneath import Memory
from hybrid.rules.variations import take_up

#: Textures that are written in independent parts.
FOUR_PARTS = ("chorale", "counterpoint")
#: How often a phrase is drawn where figures keep ending it as it may not end, and how many
#: phrases of a plan are written anew before it is refused.
MAX_TRIES = 6
MAX_ANEW = 400
#: How often the phrase before is written anew so that a theme can return as it was.
MAX_INSISTENCE = 3
Streams = tuple[np.random.Generator, np.random.Generator, np.random.Generator]


class RulesEngine:
    """Realises a plan under the rules of part-writing and counterpoint.

    Examples
    --------
    >>> RulesEngine().name
    'rules'
    """

    name = "rules"

    def fill(
        self,
        plan: FormPlan,
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
        given: Score | None = None,
        region: Region | None = None,
    ) -> tuple[Score, Trace]:
        """Notes for a plan that is ready, and what made them.

        Parameters
        ----------
        plan : FormPlan
        rng : np.random.Generator
            One number is drawn from it; every theme and phrase has a stream of its own.
        constraints : sequence of Constraint
            In force together with the plan's own.
        given, region : Score and Region, optional
            Write only the region's bars and voices; the rest of ``given`` stays.

        Raises
        ------
        PlanError
            If the plan is not ready, or ``region`` comes without ``given``.
        ConflictError
            If hard constraints, or the plan's chords and the rules, cannot all hold.
        """
        if not plan.is_ready:
            raise PlanError(
                "the plan must be ready (chords, cadence, theme, texture, tempo, dynamics and "
                "instruments for every phrase); complete it"
            )
        demands = (*plan.constraints, *constraints)
        seed = int(rng.integers(MAX_SEED))
        if region is not None:
            if given is None:
                raise PlanError(
                    "region must come with given, the score that it is a part of, got no score"
                )
            frame = _Writer(plan, seed)
            stretches = frame.stretches()
            return fill_region(plan, seed, demands, given, region, stretches, frame.table)
        writer = _Writer(plan, seed, demands)
        phrases = add_drums(writer.table, writer.run())
        score = make_score(plan, writer.table, phrases)
        return score, make_trace(writer.table, phrases, writer.counts)


@dataclass(frozen=True)
class _State:
    """What the phrases so far have left behind: themes, memories, rhythms, codes of chains."""

    themes: dict[str, Theme]
    memories: dict[tuple[str, str], object]
    rhythms: set[tuple[Fraction, ...]]
    codes: dict[int, int]


class _Writer:
    """One run over a plan, phrase after phrase."""

    def __init__(self, plan: FormPlan, seed: int, demands: Sequence[Constraint] = ()) -> None:
        self.plan = plan
        self.seed = seed
        self.table: PartTable = make_parts(plan)
        self.phrases = plan_chords(plan)
        self.themes: dict[str, Theme] = {}
        self.memories: dict[tuple[str, str], object] = {}
        self.rhythms: set[tuple[Fraction, ...]] = set()
        self.counts: dict[str, int] = {}
        self.pauses = _has_pauses(plan)
        self.upbeats = int(self._stream("upbeats").integers(1, 3))
        self.codes: dict[int, int] = {}
        self.insists: list[int] = []
        self.plain: set[int] = set()  # phrases whose melody follows from the voicings
        self.chains: dict[int, Chain] = {}
        if demands:
            self.chains, left = lay_out(plan, self.table, self.stretches(), demands)
            self.counts["soft constraints left"] = left

    def stretches(self) -> list[Stretch]:
        """The phrases with their voices, pauses and upbeats."""
        return [self._stretch(number) for number in range(len(self.phrases))]

    def _stretch(self, number: int) -> Stretch:
        placed, chords = self.phrases[number]
        after = self.phrases[number + 1][0] if number + 1 < len(self.phrases) else None
        upbeat = self._upbeat(placed, chords, after)
        if placed.shared.texture not in FOUR_PARTS:
            return Stretch(
                placed, chords, self._strands(placed), False, upbeat, self._scheme(placed)
            )
        pause = self.pauses and placed.phrase.cadence != "none"
        return Stretch(placed, chords, self._parts(placed), pause, upbeat)

    def _parts(self, placed: PlacedPhrase) -> tuple[Voice, ...]:
        shared = placed.shared
        return part_voices(self.table, shared.instruments, shared.register, str(shared.texture))

    def _strands(self, placed: PlacedPhrase) -> tuple[Voice, ...]:
        shared = placed.shared
        n_players = len(pitched_players(shared.instruments))
        strands = n_strands(str(shared.texture), n_players)
        return accompanied_voices(
            self.table, shared.instruments, shared.register, strands, n_players <= 2
        )

    def run(self) -> list[Filled]:
        """All phrases in turn; where one cannot follow, the one before ends otherwise.

        Every failure shuts at least one ending out for good (see `hybrid.rules.endings`), so
        this comes to an end, and it fails only where the plan leaves no way. Nearly always a
        single phrase is written once more; the work stays linear in the plan's length.

        Raises
        ------
        ConflictError
            If some phrases' chords cannot be joined under the rules.
        """
        done: list[Filled] = []
        before: list[_State] = []  # what was known when each phrase was begun
        barred: list[list[Ending]] = [[] for _ in self.phrases]
        cause = list(range(len(self.phrases)))  # the phrase that bars endings of each one
        self.insists = [MAX_INSISTENCE] * len(self.phrases)
        wished: list[list[Ending]] = [[] for _ in self.phrases]  # barred for a theme's sake only
        anew = 0
        while len(done) < len(self.phrases):
            number = len(done)
            before = [*before[:number], self._state()]
            last = done[-1] if done else None
            found = self._try(number, last, [*barred[number], *wished[number]])
            if found is not None:
                done.append(found)
                continue
            self._restore(before[number])
            if wished[number]:
                wished[number] = []  # the next phrase has to give way after all
                self.insists[number + 1] = 0
                continue
            if self.insists[number] and last is not None and anew < MAX_ANEW:
                # The theme as it was does not follow: another ending of the phrase before may
                # let it, and if none is found soon the theme is changed.
                self.insists[number] -= 1
                ending = self._blame(number, last, barred[number], before[number])
                if self.insists[number] and ending and ending not in wished[number - 1]:
                    wished[number - 1].append(ending)
                    anew += 1
                    done.pop()
                    self._restore(before[number - 1])
                else:
                    self.insists[number] = 0
                continue
            self.insists[number] = 0
            ending = frozenset()
            if last is not None and anew < MAX_ANEW:
                ending = self._blame(number, last, barred[number], before[number])
            if not ending and number not in self.plain:
                self.plain.add(number)  # not the chords but its own melody may be in the way
                continue
            if not ending or ending in barred[number - 1]:
                # Nothing before matters: the chords themselves, or those after, leave no way.
                raise self._conflict(cause[number])
            barred[number - 1].append(ending)
            cause[number - 1] = cause[number]
            anew += 1
            done.pop()
            self._restore(before[number - 1])
        self.counts["phrases written anew"] = anew
        return done

    def _try(self, number: int, last: Filled | None, barred: Sequence[Ending]) -> Filled | None:
        """A phrase after another, with none of the endings that are barred; None if there is none.

        Figures and walking basses move a line's last note after the voicings are drawn; where
        that makes a barred ending after all, others are drawn.
        """
        start = self._state()
        for attempt in range(MAX_TRIES):
            try:
                found = self._phrase(number, last, attempt, tuple(barred))
            except Blocked:
                return None
            if not any(has_ending(found.tail, ending) for ending in barred):
                return found
            self._restore(start)
        return None

    def _blame(self, number: int, last: Filled, barred: Sequence[Ending], start: _State) -> Ending:
        """Which notes of the phrase before leave no way into a phrase."""

        def is_blocked(tail: Tail) -> bool:
            found = self._try(number, replace(last, tail=tail), barred)
            self._restore(start)
            return found is None

        return blame(last.tail, is_blocked)

    def _state(self) -> _State:
        return _State(dict(self.themes), dict(self.memories), set(self.rhythms), dict(self.codes))

    def _restore(self, state: _State) -> None:
        self.themes = dict(state.themes)
        self.memories = dict(state.memories)
        self.rhythms = set(state.rhythms)
        self.codes = dict(state.codes)

    def _conflict(self, number: int) -> ConflictError:
        """The error that names the chords of a phrase and of the one that it has to follow."""
        placed, chords = self.phrases[number]
        where = f"chords of bars {placed.first_bar}-{placed.last_bar}"
        line = " ".join(chord.numeral.text for chord in chords)
        return ConflictError(
            f"the {where} cannot be joined under the rules ({placed.key.name}: {line})", (where,)
        )

    def _upbeat(
        self, placed: PlacedPhrase, chords: tuple[Chord, ...], after: PlacedPhrase | None
    ) -> int:
        """Ticks of a long last chord that lead to the next phrase instead of resting."""
        if after is None or placed.phrase.cadence == "none":
            return 0
        mine, next_one = (str(item.shared.texture) for item in (placed, after))
        if (mine in FOUR_PARTS) != (next_one in FOUR_PARTS) or "pad" in (mine, next_one):
            return 0
        if placed.shared.instruments != after.shared.instruments:
            return 0
        beat = beat_ticks(placed.metre)
        beats = (chords[-1].end - chords[-1].onset) // beat
        if (chords[-1].end - chords[-1].onset) % beat or beats < 3:
            return 0
        # Shorter than the rest, or the cadence would be heard as an upbeat's chord.
        return beat * min(self.upbeats, (beats - 1) // 2)

    def _stream(self, what: str, *names: str | int) -> np.random.Generator:
        return stage_rng(self.seed, "rules", what, *names)

    def _phrase(
        self,
        number: int,
        before: Filled | None,
        attempt: int = 0,
        barred: tuple[Ending, ...] = (),
    ) -> Filled:
        placed, chords = self.phrases[number]
        after = self.phrases[number + 1][0] if number + 1 < len(self.phrases) else None
        upbeat = self._upbeat(placed, chords, after)
        label = str(placed.phrase.theme)
        theme = self.themes.get(label)
        curve = ""
        if theme is None:
            shape, curve, rhythm = invent(
                placed,
                chords,
                self._stream("theme", label),
                tuple(found.curve for found in self.themes.values()),
                frozenset(self.rhythms),
                upbeat,
            )
            self.rhythms.add(rhythm)
        else:
            shape = take_up(theme, placed, chords, self._stream("variation", placed.index), upbeat)
        pause = self.pauses and placed.phrase.cadence != "none"
        streams = (
            self._stream("melody", placed.index, attempt),
            self._stream("voicing", placed.index, attempt),
            self._stream("figures", placed.index, attempt),
        )
        fill = self._four_parts if placed.shared.texture in FOUR_PARTS else self._accompanied
        context = Context(
            (),
            before.tail if before else None,
            before.last_chord if before else None,
            before.pause if before else False,
            pause,
            upbeat,
            barred=barred,
            insist=self.insists[number] > 0 and any(note.exact for note in shape.notes),
            plain=number in self.plain,
            strands=before.strands if before else {},
            returns=returns_of(self.phrases, number) if theme is None else (),
        )
        filled, heights = fill(placed, chords, shape, theme, context, streams)
        if theme is None:
            start = to_ticks(placed.start)
            self.themes[label] = Theme(
                label,
                heights,
                curve,
                to_ticks(placed.metre.bar_quarters),
                to_ticks(placed.quarters),
                tuple((chord.onset - start, chord.numeral.text) for chord in chords),
                placed.key.mode,
            )
        self.memories.setdefault((label, str(placed.shared.texture)), filled.memory)
        return filled

    def _four_parts(
        self,
        placed: PlacedPhrase,
        chords: tuple[Chord, ...],
        shape: Shape,
        theme: Theme | None,
        context: Context,
        streams: Streams,
    ) -> tuple[Filled, tuple[ShapeNote, ...]]:
        shared = placed.shared
        voices = self._parts(placed)
        memory = self.memories.get((str(placed.phrase.theme), str(shared.texture)))
        kept = memory if isinstance(memory, Memory) else None
        context = replace(context, voices=voices)
        chain = self.chains.get(placed.index)
        if chain is None:
            return fill_chorale(placed, chords, shape, theme, kept, context, streams)
        number = chain.number(placed.index)
        code = self.codes.get(placed.index, 0) if number else 0
        filled, heights, code = write_in_parts(
            chain, number, shape, theme, kept, context, code, streams
        )
        self.codes[placed.index + 1] = code
        return filled, heights

    def _accompanied(
        self,
        placed: PlacedPhrase,
        chords: tuple[Chord, ...],
        shape: Shape,
        theme: Theme | None,
        context: Context,
        streams: Streams,
    ) -> tuple[Filled, tuple[ShapeNote, ...]]:
        memory = self.memories.get((str(placed.phrase.theme), str(placed.shared.texture)))
        kept = memory if isinstance(memory, StrandMemory) else None
        context = replace(context, voices=self._strands(placed), pause=False)
        chain = self.chains.get(placed.index)
        if chain is None:
            scheme = self._scheme(placed)
            return fill_accompanied(placed, chords, shape, theme, kept, context, scheme, streams)
        number = chain.number(placed.index)
        code = self.codes.get(placed.index, 0) if number else 0
        filled, heights, code = write_accompanied(
            chain, number, shape, theme, kept, context, code, streams
        )
        self.codes[placed.index + 1] = code
        return filled, heights

    def _scheme(self, placed: PlacedPhrase) -> Scheme:
        """How a phrase is accompanied."""
        texture = str(placed.shared.texture)
        after = None
        if placed.index + 1 < len(self.phrases):
            after = self.phrases[placed.index + 1][0]
        closing = after is None or (
            after.section_index != placed.section_index and placed.phrase.cadence == "PAC"
        )
        stream = self._stream("variant", placed.section.label)
        variant = HOMOPHONIC[int(stream.integers(len(HOMOPHONIC)))]
        n_players = len(pitched_players(placed.shared.instruments))
        return Scheme(texture, variant, closing, n_players > 2)


def _has_pauses(plan: FormPlan) -> bool:
    """Whether phrases end with fermatas: in chorales."""
    if "chorale" in (plan.style, plan.form):
        return True
    return all(placed.shared.texture == "chorale" for placed in plan.phrases())
