"""Each form is what its name says: its sections, keys, cadences and returns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.plan import DYNAMICS, FormPlan, PlacedPhrase
from hybrid.core.timeline import Metre
from hybrid.grammar.forms import FORMS, STYLES, plan_form
from hybrid.grammar.forms.harmonise import Harmoniser
from hybrid.grammar.forms.realise import PhraseSketch

SEEDS = range(6)


@lru_cache(maxsize=256)
def plan(form: str, seed: int, key: str = "") -> FormPlan:
    home = key or ("F" if seed % 2 else "e")
    return plan_form(form, np.random.default_rng(seed), key=home)


def plans(form: str) -> Iterator[FormPlan]:
    return (plan(form, seed) for seed in SEEDS)


def last_phrase(piece: FormPlan, section: int) -> PlacedPhrase:
    return [item for item in piece.phrases() if item.section_index == section][-1]


def end_key(placed: PlacedPhrase) -> Key:
    return placed.key_of(placed.phrase.chords[-1])


def chords_of(piece: FormPlan, section: int) -> list[list[str]]:
    return [[c.numeral for c in phrase.chords] for phrase in piece.sections[section].phrases]


@pytest.mark.parametrize("form", FORMS)
def test_a_piece_starts_and_ends_at_home(form: str) -> None:
    for piece in plans(form):
        placed = list(piece.phrases())
        assert placed[0].key == piece.key
        last = placed[-1]
        assert end_key(last).tonic == piece.key.tonic
        final = RomanNumeral.parse(last.phrase.chords[-1].numeral)
        assert (final.degree, final.inversion, final.has_seventh) == (1, 0, False)


@pytest.mark.parametrize("form", FORMS)
def test_cadences_are_what_they_are_called(form: str) -> None:
    for piece in plans(form):
        for placed in piece.phrases():
            chords = placed.phrase.chords
            last = RomanNumeral.parse(chords[-1].numeral)
            kind = placed.phrase.cadence
            if kind == "HC":
                assert (last.degree, last.triad, last.inversion, last.has_seventh) == (
                    5, "major", 0, False,
                )  # fmt: skip
            elif kind in ("PAC", "IAC", "DC"):
                before = RomanNumeral.parse(chords[-2].numeral)
                assert last.degree == (6 if kind == "DC" else 1)
                assert before.function == "dominant"
                if kind == "PAC":
                    assert (last.inversion, before.inversion, before.degree) == (0, 0, 5)
            elif kind == "PC":
                before = RomanNumeral.parse(chords[-2].numeral)
                assert (before.degree, last.degree) == (4, 1)


@pytest.mark.parametrize("form", FORMS)
def test_themes_of_one_label_go_together(form: str) -> None:
    """A theme's first appearance has no variation, later ones have; literal means the same."""
    for piece in plans(form):
        first: dict[str, PlacedPhrase] = {}
        for placed in piece.phrases():
            theme = placed.phrase.theme
            assert theme
            known = first.setdefault(theme, placed)
            assert (placed.phrase.variation is None) == (known is placed)
            if placed.phrase.variation == "literal":
                same = [(c.numeral, c.onset, c.duration) for c in known.phrase.chords]
                assert [(c.numeral, c.onset, c.duration) for c in placed.phrase.chords] == same
                assert placed.key == known.key
            if placed.phrase.variation == "transposed":
                assert placed.key != known.key


def test_forms_differ_in_themes_keys_and_textures() -> None:
    """Not in labels alone: one seed, thirteen different pieces."""
    seen = set()
    for form in FORMS:
        piece = plan(form, 3)
        themes = tuple(p.theme for s in piece.sections for p in s.phrases)
        keys = tuple(item.key.name for item in piece.phrases())
        textures = tuple(item.shared.texture for item in piece.phrases())
        seen.add((themes, keys, textures))
    assert len(seen) == len(FORMS)


@pytest.mark.parametrize("form", ["ternary", "rondo", "sonata", "binary"])
def test_larger_forms_change_key(form: str) -> None:
    changes = [len({item.key for item in piece.phrases()}) > 1 for piece in plans(form)]
    assert sum(changes) >= len(changes) - 1


@pytest.mark.parametrize("form", ["ternary", "rondo", "sonata"])
def test_contrasting_sections_sound_different(form: str) -> None:
    roles = {"contrast", "episode", "couplet", "secondary"}
    for piece in plans(form):
        first = next(piece.phrases()).shared
        for placed in piece.phrases():
            if placed.section.role in roles:
                own = placed.shared
                assert (own.texture, own.dynamics, own.register) != (
                    first.texture, first.dynamics, first.register,
                )  # fmt: skip


def test_a_period_asks_and_answers() -> None:
    for piece in plans("period"):
        for number in range(len(piece.sections)):
            cadences = [p.cadence for p in piece.sections[number].phrases]
            assert cadences[0] in ("HC", "IAC", "none")
            assert cadences[-1] == "PAC"
            themes = [p.theme for p in piece.sections[number].phrases]
            assert len(themes) >= 2


def test_a_sentence_repeats_its_idea_and_closes() -> None:
    for piece in plans("sentence"):
        for section in piece.sections:
            idea, repetition, *rest = section.phrases
            assert idea.theme == repetition.theme
            assert idea.bars == repetition.bars
            assert rest[-1].cadence == "PAC"
            assert rest[0].theme != idea.theme


def test_binary_leaves_and_comes_back() -> None:
    for piece in plans("binary"):
        home = piece.key
        assert home is not None
        away = Key(home.tonic + (-3 if home.is_minor else 1), "major")
        halves = [s for s in range(len(piece.sections)) if piece.sections[s].label == "A"]
        assert end_key(last_phrase(piece, halves[0])) == away
        assert end_key(last_phrase(piece, len(piece.sections) - 1)) == home


def test_rounded_binary_returns() -> None:
    for piece in plans("rounded-binary"):
        labels = [section.label for section in piece.sections]
        place = labels.index("A'")
        back = piece.sections[place].phrases[0]
        assert back.theme == piece.sections[0].phrases[0].theme
        assert back.variation
        before = last_phrase(piece, place - 1)
        assert before.phrase.cadence == "HC"
        assert end_key(before) == piece.key


def test_ternary_has_its_first_part_twice() -> None:
    for piece in plans("ternary"):
        labels = [section.label for section in piece.sections]
        assert labels[:3] == ["A", "B", "A"]
        assert chords_of(piece, 0) == chords_of(piece, 2)
        assert piece.sections[1].key != piece.key


def test_a_rondo_comes_back_to_its_refrain() -> None:
    for piece in plans("rondo"):
        labels = [section.label for section in piece.sections if section.role != "coda"]
        assert labels[0] == labels[-1] == "A"
        assert labels[::2] == ["A"] * len(labels[::2])
        assert "A" not in labels[1::2]
        assert len(labels) >= 5
        for section in piece.sections:
            if section.label == "A":
                assert section.key == piece.key
        episodes = [s.key for s in piece.sections if s.role in ("episode", "couplet")]
        assert piece.key not in episodes or len(episodes) > 2


def test_a_sonata_states_its_second_theme_away_and_then_at_home() -> None:
    for piece in plans("sonata"):
        home = piece.key
        assert home is not None
        seconds = [n for n, s in enumerate(piece.sections) if s.label == "S"]
        away, back = piece.sections[seconds[0]], piece.sections[seconds[-1]]
        assert away.key == Key(home.tonic + (-3 if home.is_minor else 1), "major")
        assert back.key is not None
        assert back.key.tonic == home.tonic
        assert [p.theme for p in away.phrases] == [p.theme for p in back.phrases]
        assert [p.bars for p in away.phrases] == [p.bars for p in back.phrases]
        # Medial caesura: a half cadence before the second theme; a PAC at the closures.
        caesura = last_phrase(piece, seconds[0] - 1)
        assert caesura.phrase.cadence == "HC"
        assert end_key(caesura) == away.key
        for number in (seconds[0], seconds[-1]):
            assert last_phrase(piece, number).phrase.cadence == "PAC"
        labels = [section.label for section in piece.sections]
        middle = labels.index("D")
        assert seconds[0] < middle < seconds[-1]
        retransition = last_phrase(piece, middle)
        assert retransition.phrase.cadence == "HC"
        assert end_key(retransition) == home
        assert labels[middle + 1] == "P"


def test_strophes_have_the_same_music() -> None:
    for piece in plans("strophic"):
        strophes = [n for n, s in enumerate(piece.sections) if s.role == "strophe"]
        assert len(strophes) >= 2
        assert all(chords_of(piece, n) == chords_of(piece, strophes[0]) for n in strophes)


def test_choruses_are_louder_than_verses() -> None:
    for piece in plans("verse-chorus"):
        levels: dict[str, set[int]] = {}
        for placed in piece.phrases():
            assert placed.shared.dynamics
            levels.setdefault(placed.section.role, set()).add(DYNAMICS[placed.shared.dynamics])
        assert min(levels["chorus"]) > max(levels["verse"])


def test_aaba() -> None:
    for piece in plans("aaba"):
        labels = [s.label for s in piece.sections if s.role in ("strain", "bridge")]
        assert "".join(labels).startswith("AABA")
        bridge = next(n for n, s in enumerate(piece.sections) if s.role == "bridge")
        assert last_phrase(piece, bridge).phrase.cadence == "HC"


def test_variations_keep_phrases_and_harmony() -> None:
    for piece in plans("variations"):
        theme = piece.sections[0]
        variations = [n for n, s in enumerate(piece.sections) if s.label.startswith("V")]
        assert variations
        kinds = set()
        for number in variations:
            section = piece.sections[number]
            assert [(p.theme, p.bars, p.cadence) for p in section.phrases] == [
                (p.theme, p.bars, p.cadence) for p in theme.phrases
            ]
            if section.key == theme.key:
                assert chords_of(piece, number) == chords_of(piece, 0)
            kinds.add((section.role, section.texture, section.dynamics))
        assert len(kinds) >= min(2, len(variations))


def test_the_blues_has_choruses_of_twelve_bars_with_derivations() -> None:
    for piece in plans("blues"):
        choruses = [s for s in piece.sections if s.role in ("head", "solo")]
        assert choruses
        for section in choruses:
            assert sum(p.bars or 0 for p in section.phrases) == 12
            assert section.phrases[-1].cadence == "PAC"
        trees = piece.derivation["harmony"]
        assert {item["section"] for item in trees} == {section.label for section in choruses}
        assert all(item["tree"]["bars"] == "12" for item in trees)


def test_chorale_lines_end_in_cadences() -> None:
    for piece in plans("chorale"):
        for placed in piece.phrases():
            assert placed.phrase.cadence != "none"
            assert placed.shared.texture == "chorale"
            assert placed.bars <= 5


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("metre", ["3/4", "4/4", "6/8"])
def test_textures_fit_their_metre_and_players(style: str, metre: str) -> None:
    for seed in range(3):
        piece = plan_form("rondo", np.random.default_rng(seed), style=style, metre=metre)
        for placed in piece.phrases():
            if placed.shared.texture == "waltz":
                assert placed.metre.n_beats % 3 == 0
            if placed.shared.texture == "march":
                assert placed.metre.n_beats % 3
    choir = plan_form("rondo", np.random.default_rng(0), style=style, instruments=("choir",))
    assert {item.shared.texture for item in choir.phrases()} <= {"chorale", "counterpoint"}


@pytest.mark.parametrize("harmony", ["rohrmeier", "temporal"])
def test_other_grammars_of_harmony_can_make_the_chords(harmony: str) -> None:
    piece = plan_form("rondo", np.random.default_rng(1), harmony=harmony, bars=80)
    plain = plan_form("rondo", np.random.default_rng(1), bars=80)
    assert piece.is_ready
    assert piece.derivation["harmony"]
    assert [s.label for s in piece.sections] == [s.label for s in plain.sections]
    assert piece.sections != plain.sections


@pytest.mark.parametrize("metre", ["4/4", "3/4", "6/8", "5/4"])
@pytest.mark.parametrize("name", ["C", "g"])
@pytest.mark.parametrize(("cadence", "bars"), [("HC", 4), ("HC", 6), ("PAC", 4), ("HC", 2)])
def test_a_circle_falls_by_fifths(metre: str, name: str, cadence: str, bars: int) -> None:
    key, beat = Key.parse(name), Metre.parse(metre)
    harmony = Harmoniser(beat, STYLES["classical"].chords, 2.0, 0.8)
    phrase = PhraseSketch("circle", "q", cadence, bars, key, key, "free")
    chords = harmony.chords(phrase, None, np.random.default_rng(0))
    assert chords[-1].end == bars * beat.bar_quarters
    roots = [RomanNumeral.parse(chord.numeral).degree for chord in chords]
    assert all((one - two) % 7 == 4 for one, two in pairwise(roots))  # a fifth down
    assert roots[-1] == (5 if cadence == "HC" else 1)
    assert len(roots) >= 3
