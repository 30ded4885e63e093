"""CHORAL: an expert system harmonises a chorale by rules, and goes back to what is to blame."""

from __future__ import annotations

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.core.score import KeySignature
from hybrid.core.timeline import Metre
from hybrid.history.choral_chords import VOICES, Chord
from hybrid.history.choral_fill import Joint
from hybrid.history.choral_machine import Stage, rules_fired
from hybrid.history.choral_notes import chord_spans, sung_notes
from hybrid.history.choral_problem import BY_ID, RULES, Harmonisation, Item
from hybrid.history.choral_rules import KINDS
from hybrid.history.choral_search import Event, Run, search
from hybrid.history.choral_tune import ALLOWED, find_tune
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import chord_name, note_name

#: Rejected candidates that a decision names.
MOST_REJECTED = 12


def harmonise(
    soprano: str, rng: np.random.Generator, variety: float, limit: int
) -> tuple[Harmonisation, Run[Item], Run[Item]]:
    """Harmonise a tune with both kinds of backtracking.

    Parameters
    ----------
    soprano : str
        As `hybrid.history.choral_tune.find_tune` reads it.
    rng : np.random.Generator
    variety : float
        How much chance there is in what is tried first.
    limit : int
        Candidates tested before a search is given up.

    Returns
    -------
    (Harmonisation, Run, Run)
        The problem, the intelligent search, complete, and the chronological one, which may have
        been given up.

    Raises
    ------
    ConfigError
        If the intelligent search finds nothing.
    """
    problem = Harmonisation(find_tune(soprano), rng, variety)
    run = search(problem, "intelligent", limit)
    if not run.is_complete:
        stuck = problem.steps[max(run.depths)].slot
        slot = problem.slots[stuck]
        what = "gave up" if run.is_given_up else "no chord fits"
        raise ConfigError(
            f"soprano must have a harmonisation by the rules, got none of {problem.tune.title!r}: "
            f"{what} at chord {stuck + 1} ({note_name(slot.pitch, slot.notes[0].spelling)}) after "
            f"{run.n_tests} tests"
        )
    other = search(problem, "chronological", limit, log=False)
    return problem, run, other


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Harmonise, compare the two ways of going back, write the voices."""
    problem, run, other = harmonise(
        values.text("soprano"), rng, values.number("variety"), values.integer("limit")
    )
    stage = Stage(problem, run, other)
    ledger = Ledger()
    for voice, clef in zip(VOICES, ("treble", "treble", "treble8vb", "bass"), strict=True):
        ledger.track(voice, program=19, clef=clef)
    parents = _decide(ledger, problem, run, stage)
    tune = problem.tune
    chords = problem.chords(run.chosen)
    joints = [item for item in run.chosen if isinstance(item, Joint)]
    for note in sorted(
        sung_notes(tune, problem.slots, chords, joints), key=lambda note: (note.onset, note.voice)
    ):
        of_joint = note.kind in ("passing", "neighbour")
        view = "fill" if of_joint or note.kind == "resolution" else "skeleton"
        slot = note.slot + 1 if of_joint else note.slot
        name = note_name(note.pitch, note.spelling)
        choice = {
            "tune": f"{name}, given",
            "chord": f"{name} of {chord_name(chords[note.slot].text)}",
            "resolution": f"{name}, to which the suspension steps down",
        }.get(note.kind, f"{name}, a {note.kind} note")
        ledger.note(
            VOICES[note.voice],
            note.onset,
            note.end - note.onset,
            note.pitch,
            maker="tune" if note.kind == "tune" else f"{view} view",
            choice=choice,
            spelling=note.spelling,
            articulation="fermata" if note.is_fermata else "",
            parent=parents[view, slot],
            velocity=84 if note.voice == 0 else 72,
        )
    score, trace = ledger.close(
        title=f"{tune.title.split(' (')[0]}, harmonised",
        qpm=values.number("tempo"),
        metres=(Metre(0, tune.beats, 4),),
        keys=(KeySignature(0, tune.key),),
        pickup_ticks=tune.pickup,
        counts={
            "chords written": problem.n_written,
            "thrown away alone": sum(problem.discarded.values()),
            "tests, intelligent": run.n_tests,
            "dead ends, intelligent": run.n_backtracks,
            "steps jumped over": run.n_skipped,
            "tests, chronological": other.n_tests,
            "dead ends, chronological": other.n_backtracks,
            **{
                f"{rule.id} {rule.name}": run.broken.get(rule.id, 0)
                + problem.discarded.get(rule.id, 0)
                for rule in rules_fired(run, problem.discarded)
            },
        },
    )
    from hybrid.theory import check

    findings = check(
        score,
        chords=chord_spans(tune, problem.slots, chords),
        phrase_starts_at=[slot.onset for slot in problem.slots if slot.starts_phrase],
    )
    n_found = [sum(f.severity == kind for f in findings) for kind in ("error", "warning", "info")]
    fired = rules_fired(run, problem.discarded)
    tally = {kind: sum(rule.kind == kind for rule in RULES) for kind in KINDS}
    facts = (
        (
            "CHORAL-style",
            f"{len(RULES)} rules: " + ", ".join(f"{n} {k}s" for k, n in tally.items()),
        ),
        ("Constraints that fired", f"{len(fired)} of {tally['constraint']}"),
        (
            "Chords written",
            f"{problem.n_written}, of which {sum(problem.discarded.values())} fall alone",
        ),
        ("Intelligent", _told(run)),
        ("Chronological", _told(other)),
        (
            "The checker finds",
            f"{n_found[0]} errors, {n_found[1]} warnings, {n_found[2]} remarks",
        ),
    )
    return Demonstration(score, trace, stage.machine(), facts)


def _told(run: Run[Item]) -> str:
    """A search in a few words."""
    words = f"{run.n_tests} tests, {run.n_backtracks} dead ends"
    if run.n_skipped:
        words += f", {run.n_skipped} steps jumped over"
    return words if run.is_complete else f"given up after {words}"


def _decide(
    ledger: Ledger, problem: Harmonisation, run: Run[Item], stage: Stage
) -> dict[tuple[str, int], int]:
    """Write what was chosen, by view and slot, with what was rejected before it."""
    last: dict[int, Event[Item]] = {}
    returns: dict[int, int] = {}
    for event in run.events:
        if event.kind == "choose":
            last[event.step] = event
        else:
            returns[event.back_to] = returns.get(event.back_to, 0) + 1
    parents: dict[tuple[str, int], int] = {}
    for number, event in sorted(last.items()):
        step = problem.steps[number]
        slot = problem.slots[step.slot]
        item = event.candidate
        assert item is not None
        text = chord_name(item.text)
        if returns.get(number):
            text += f" (the search came back here {returns[number]} times)"
        parents[step.view, step.slot] = ledger.decide(
            {"skeleton": "chord", "fill": "fill-in", "schenker": "reading"}[step.view],
            f"{step.view} view",
            text,
            tick=slot.onset,
            parent=parents.get(("skeleton", step.slot)) if step.view != "skeleton" else None,
            rejected=[
                f"{_short(other)}: {rule} {BY_ID[rule].name}"
                for other, rule in event.rejected[:MOST_REJECTED]
            ],
        )
    return parents


def _short(item: Item) -> str:
    if isinstance(item, Chord):
        names = "-".join(
            note_name(pitch, tone)
            for pitch, tone in zip(item.pitches[1:], item.spellings[1:], strict=True)
        )
        return f"{chord_name(item.text)} {names}"
    return item.text


EXHIBIT = Exhibit(
    name="choral",
    title="CHORAL: an expert system harmonises a chorale",
    year="1986–1990",
    people=("Kemal Ebcioğlu",),
    summary="Rules write chords, others forbid them; a dead end goes back to the step to blame.",
    story=(
        "In 1986 Kemal Ebcioğlu described CHORAL, an expert system that harmonises chorale "
        "melodies in the manner of J. S. Bach. Its knowledge was some 270 rules of logic, about "
        "350 in 1990, which look at the music from several views at once: the skeleton of chords, "
        "what fills it in, the lines of single voices, and the Schenkerian structure of descant "
        "and bass.",
        "It generates and tests. Productions say what may be written next, constraints throw away, "
        "heuristics order the rest, and the first that is left is written. Where none is left, "
        "the search must go back. The plain way is one step at a time. But if three chords clash, "
        "no other passing note between them can help: intelligent backtracking remembers which "
        "steps each failed test looked at, and jumps to the latest of them.",
        "Step through it and watch the columns fill. At a dead end the steps to blame light up, "
        "and what is jumped over changes colour. The curve beside them shows the plain "
        "search on the same tune. Both end in the same chorale; only the labour differs. Then "
        "listen to the inner voices: rules about movement are why they are not merely correct.",
    ),
    parameters=(
        Parameter(
            "soprano",
            "christus-der-ist-mein-leben",
            "The tune: a name, KEY: NOTES, or a score's path.",
            check=find_tune,
            allowed=ALLOWED,
        ),
        Parameter("variety", 0.4, "Chance in what is tried first.", low=0.0, high=3.0),
        Parameter("limit", 30000, "Tests before a search is given up.", low=100, high=200000),
        Parameter("tempo", 72.0, "Quarters a minute.", low=40.0, high=200.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "generate and test, intelligent backtracking, heuristics",
            "faithful",
            "source",
            "As the abstracts of 1986 and 1990 name them; the blame is kept exactly, step by step.",
        ),
        Fidelity(
            "views",
            "simplified",
            "memory",
            "Chord skeleton, fill-in, time slices, melodic strings, Schenkerian; the original has "
            "a fourth pass over merged strings, which is folded into the strings here.",
        ),
        Fidelity(
            "the rules",
            "simplified",
            "ours",
            "Ours, from textbooks of part-writing, less than half as many as the original's; those "
            "after Ebcioğlu follow a concern that an abstract names or that we remember, not his "
            "wording.",
        ),
        Fidelity(
            "Schenkerian view",
            "simplified",
            "ours",
            "One line by step for each phrase, with its bass; Ebcioğlu parsed both voices whole.",
        ),
        Fidelity("modulation", "simplified", "ours", "Applied dominants and cadences on degrees."),
        Fidelity("tunes", "faithful", "memory", "Chorales in even notes, as hymn books have them."),
        Fidelity(
            "logic language BSL", "simplified", "source", "Left out: the rules are plain functions."
        ),
    ),
    citations=(
        "Ebcioğlu, K. (1990). An expert system for harmonizing chorales in the style of "
        "J. S. Bach. Journal of Logic Programming 8(1-2), 145-185.",
        "Ebcioğlu, K. (1986). An expert system for chorale harmonization. Proceedings of AAAI-86, "
        "784-788.",
        "Stallman, R. M., & Sussman, G. J. (1977). Forward reasoning and dependency-directed "
        "backtracking. Artificial Intelligence 9(2), 135-196.",
        "Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading (4th "
        "ed.). Schirmer.",
        "Kostka, S., Payne, D., & Almén, B. (2013). Tonal Harmony (7th ed.). McGraw-Hill.",
        "Piston, W., & DeVoto, M. (1987). Harmony (5th ed.). Norton.",
        "Huron, D. (2016). Voice Leading: The Science behind a Musical Art. MIT Press.",
        "Fux, J. J. (1725). Gradus ad Parnassum. Transl. A. Mann (1965). Norton.",
        "Schenker, H. (1935). Der freie Satz. Transl. E. Oster (1979), Free Composition. Longman.",
    ),
    exercises=(
        "Set `soprano=jesu-meine-freude`. Which constraint costs most dead ends in minor?",
        "Find a dead end that jumps over several steps. Which rule failed, and why is none of the "
        "steps between to blame?",
        "Set `variety=0`, then `variety=3`. What do the heuristics save, in tests and in beauty?",
        'Give a tune of your own: `soprano="G major: D4/4 | G4/4 A4/4 B4/4 C5/4 | B4/4 A4/4 '
        'G4/2^"`. Change one note until no harmonisation is left.',
        "Name a rule of Bach's that is missing here. In which view would it stand, and how far "
        "back would it look?",
    ),
)
