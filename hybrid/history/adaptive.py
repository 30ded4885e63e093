"""Adaptive game music: what is left of the plan is planned and written anew as the game goes."""

from __future__ import annotations

import numpy as np

from hybrid.core.score import KeySignature, Marker
from hybrid.core.seeds import MAX_SEED
from hybrid.core.timeline import Tempo
from hybrid.history.adaptive_layers import BAR, CLEFS, LAYERS
from hybrid.history.adaptive_panels import make_machine
from hybrid.history.adaptive_plan import BASSES, HARMONY, LEADS, tempo
from hybrid.history.adaptive_scene import JOINS, Scene, play_scene
from hybrid.history.adaptive_script import ALLOWED, read_script
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import chord_name, note_name

PLAYERS = (*LEADS.values(), HARMONY, *(name for _, name in BASSES))


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Play the script."""
    scene = play_scene(
        read_script(values.text("script")),
        values.integer("bars"),
        values.text("join"),
        values.number("pace"),
        int(rng.integers(MAX_SEED)),
    )
    ledger = Ledger()
    _tracks(ledger, scene)
    parents = _decisions(ledger, scene)
    for note in sorted(scene.notes, key=lambda note: (note.onset, note.track, note.pitch)):
        is_layer = note.maker.startswith("layer ")
        ledger.note(
            note.track,
            note.onset,
            note.duration,
            note.pitch,
            maker=note.maker,
            choice=note.choice if is_layer else note_name(note.pitch, note.spelling),
            velocity=note.velocity,
            voice=note.voice,
            spelling=note.spelling,
            parent=parents[note.onset // BAR],
        )
    joins = [replan for replan in scene.replans if replan.join is not None]
    score, trace = ledger.close(
        title="A scene: " + ", ".join(replan.call.name for replan in scene.replans),
        tempos=_tempos(scene),
        keys=_keys(scene),
        markers=tuple(
            Marker(replan.join * BAR, replan.call.name)
            for replan in joins
            if replan.join is not None
        ),
        counts={"calls": len(scene.replans), "plans": len(joins)},
    )
    waits = [replan.join - replan.call.bar for replan in joins[1:] if replan.join is not None]
    facts = (
        ("Calls", " · ".join(f"{replan.call.bar}: {replan.call.name}" for replan in scene.replans)),
        ("Longest wait for a join", f"{max(waits)} bars" if waits else "none"),
        ("Loudest bar, mean velocity", f"{max(scene.measured['loudness']):.0f}"),
    )
    return Demonstration(score, trace, make_machine(scene), facts)


def _tracks(ledger: Ledger, scene: Scene) -> None:
    """Parts that have notes, leads first."""
    used = {note.track for note in scene.notes}
    for name in dict.fromkeys(PLAYERS):
        if name in used:
            clef = "bass" if name in {bass for _, bass in BASSES} else "treble"
            ledger.track(name, program=scene.programs[name], clef=clef)
    for layer in LAYERS:
        if layer.name in used:
            ledger.track(
                layer.name,
                program=layer.program,
                is_drum=layer.is_drum,
                clef=CLEFS.get(layer.name, ""),
            )


def _decisions(ledger: Ledger, scene: Scene) -> list[int]:
    """Calls, new plans, phrases; the number of what each bar's notes follow from."""
    calls = []
    for replan in scene.replans:
        call = replan.call
        said = ledger.decide(
            "call",
            "the script",
            f"{call.name}: tension {call.tension:g}, mood {call.mood:g}",
            tick=call.bar * BAR,
        )
        calls.append(said)
        if replan.join is None:
            ledger.decide(
                "plan", "adaptive", "no join is left: only layers and tempo follow", parent=said
            )
            continue
        calls[-1] = ledger.decide(
            "plan",
            "adaptive",
            f"bars {replan.join + 1}-{replan.plan[-1].end} anew, opening with "
            f"{chord_name(replan.opening)}",
            tick=replan.join * BAR,
            parent=said,
            rejected=replan.rejected,
        )
    parents = []
    for item in scene.plan:
        number = max(
            i
            for i, replan in enumerate(scene.replans)
            if replan.join is not None and replan.join <= item.start
        )
        numerals = " ".join(chord_name(chord.numeral) for chord in item.phrase.chords)
        assert item.section.key is not None
        entry = ledger.decide(
            "phrase",
            "adaptive",
            f"theme {item.phrase.theme}, {item.section.key.name}: {numerals}",
            tick=item.start * BAR,
            parent=calls[number],
        )
        parents += [entry] * item.bars
    return parents


def _tempos(scene: Scene) -> tuple[Tempo, ...]:
    """A tempo where it changes; it glides with the values."""
    found: list[Tempo] = []
    for bar, value in enumerate(scene.values):
        qpm = tempo(*value)
        if not found or found[-1].qpm != qpm:
            found.append(Tempo(bar * BAR, qpm))
    return tuple(found)


def _keys(scene: Scene) -> tuple[KeySignature, ...]:
    found: list[KeySignature] = []
    for item in scene.plan:
        key = item.section.key
        assert key is not None
        if not found or found[-1].key != key:
            found.append(KeySignature(item.start * BAR, key))
    return tuple(found)


EXHIBIT = Exhibit(
    name="adaptive",
    title="Adaptive game music",
    year="2016",
    people=("Melodrive", "LucasArts’ iMUSE before it"),
    summary="A game calls for tension and mood; the rest of the piece is planned and written anew.",
    story=(
        "A film’s composer knows when the monster comes; a game’s does not. In 1991 iMUSE of "
        "LucasArts let a score wait for the next good place and branch there. Such horizontal "
        "resequencing and its sister, vertical layering, where parts enter and leave over one "
        "another, are how most game music adapts to this day: of pieces recorded beforehand. "
        "Melodrive, a company founded in 2016, went further and composed while the game ran, "
        "following the feeling it was told.",
        "Here a script stands for the game. Each call names a tension and a mood. What has been "
        "heard stays; what is left of the plan is planned anew (key and mode, chords, texture, "
        "dynamics, register, instruments) and written anew by the engine “rules”; it comes in at "
        "the next phrase or bar. The first chord is the one nearest to what sounds before. "
        "Meanwhile tension and mood glide bar by bar, tempo with them, and layers enter and leave.",
        "Listen for the join: a roll of drums leads into it, the theme returns from the same "
        "motif in another key and dress. And listen for the bars between the call and the join, "
        "where only the layers and the tempo tell that something is coming.",
    ),
    parameters=(
        Parameter(
            "script",
            "0:calm 6:tense 14:dark 19:triumph",
            "What is called for, when so many bars have passed.",
            check=read_script,
            allowed=ALLOWED,
        ),
        Parameter("bars", 28, "Length in bars of four quarters.", low=8, high=96),
        Parameter("join", "phrase", "Where a new plan may come in.", choices=JOINS),
        Parameter("pace", 0.15, "Most that tension and mood move in a bar.", low=0.02, high=1.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "Melodrive itself",
            "invented",
            "ours",
            "It was proprietary and nothing of how it composed was published in full. This is our "
            "own machine for the same task; name, year and aim of the company are from memory.",
        ),
        Fidelity(
            "tension and mood as a plane",
            "faithful",
            "memory",
            "Russell’s circumplex of arousal and valence, which systems of the kind use.",
        ),
        Fidelity(
            "which means for which feeling",
            "simplified",
            "memory",
            "Directions after Livingstone et al.: arousal raises tempo, loudness and density, "
            "valence asks for major or minor and for height, and tension for complex harmony. "
            "All thresholds are ours; articulation and contour are left out.",
        ),
        Fidelity(
            "horizontal resequencing",
            "simplified",
            "memory",
            "Joins at the next phrase or bar, as in books on game music; what comes in is written "
            "anew rather than chosen from a store.",
        ),
        Fidelity(
            "vertical layering",
            "simplified",
            "memory",
            "Five layers that enter and leave by the bar with a little hysteresis; no crossfades.",
        ),
        Fidelity(
            "theme through the changes",
            "simplified",
            "ours",
            "Each stretch is filled from the same stream, so its themes grow from the same motif "
            "on other chords; the engine does not hear the stretch before the join.",
        ),
        Fidelity(
            "the first chord of a join",
            "invented",
            "ours",
            "I, VI or IV of the new key, whichever lies fewest semitones from the last chord. The "
            "voices themselves are not led over the join.",
        ),
        Fidelity(
            "circle of fifths by tension",
            "invented",
            "ours",
            "One fifth sharper from 0.4 and again from 0.7, so that neighbours share six notes.",
        ),
        Fidelity(
            "a script for a game",
            "simplified",
            "ours",
            "Rendered at leisure, not while playing. A call changes nothing before the next bar, "
            "as in a game that cannot take back what it has played.",
        ),
    ),
    citations=(
        "Livingstone, S. R., Muhlberger, R., Brown, A. R., & Thompson, W. F. (2010). Changing "
        "musical emotion: a computational rule system for modifying score and performance. "
        "Computer Music Journal, 34(1), 41-64.",
        "Russell, J. A. (1980). A circumplex model of affect. Journal of Personality and Social "
        "Psychology, 39(6), 1161-1178.",
        "Eladhari, M., Nieuwdorp, R., & Fridenfalk, M. (2006). The soundtrack of your mind: mind "
        "music, adaptive audio for game characters. Proceedings of ACE 2006, Hollywood.",
        "Plans, D., & Morelli, D. (2012). Experience-driven procedural music generation for "
        "games. IEEE Transactions on Computational Intelligence and AI in Games, 4(3), 192-198.",
        "Sweet, M. (2014). Writing Interactive Music for Video Games: A Composer’s Guide. "
        "Addison-Wesley.",
        "Land, M. Z., & McConnell, P. N. (1994). Method and apparatus for dynamically composing "
        "music and sound effects using a computer entertainment system. US patent 5,315,057.",
    ),
    exercises=(
        "Set `join=bar`. What is won at bar 7, and what is lost?",
        "Set `pace=1`, then `pace=0.05`. Which would you want when an enemy jumps out, and which "
        "at nightfall?",
        'Set `script="0:sad 11:joy"`. Which of the means do you hear first?',
        'Set `script="0:0.9/0.2 7:0.9/0.9"`: the tension is the same. What tells the mood?',
        "Write the script of a scene that you know from a game, and say where the table fails it.",
    ),
)
