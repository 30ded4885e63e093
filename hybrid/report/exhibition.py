"""Exhibits written out: the folder of one, two compared, and all with an index."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from hybrid.core.score import Score
from hybrid.core.trace import Trace
from hybrid.history.exhibit import Demonstration, Exhibit
from hybrid.history.parameters import Value, Values
from hybrid.history.recording import Recording
from hybrid.history.registry import all_exhibits, load_exhibit, run_exhibit

#: Called with a stage's name and the share of it that is done, 0..1.
Progress = Callable[[str, float], None]


def _silent(stage: str, share: float) -> None:
    pass


@dataclass(frozen=True)
class DemoOptions:
    """What is written beside the notes, and how it sounds."""

    audio: bool = True
    page: bool = True
    soundfont: str | None = None
    sample_rate: int = 44100
    loudness_lufs: float = -16.0
    force: bool = False


@dataclass(frozen=True, eq=False)
class Demo:
    """One run of an exhibit, with what is known of it.

    In a notebook it shows itself as its page, sound and all.
    """

    exhibit: Exhibit
    made: Demonstration
    values: Values
    seed: int
    _page: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def score(self) -> Score:
        return self.made.score

    @property
    def trace(self) -> Trace:
        return self.made.trace

    @property
    def headline(self) -> str:
        """One line: what it is and how long."""
        return f"{self.exhibit.title}: {self.figures}, seed {self.seed}"

    @property
    def figures(self) -> str:
        """Its length in figures."""
        score = self.score
        n_bars = sum(not bar.is_pickup for bar in score.bars)
        return (
            f"{n_bars} bars, {score.seconds:.0f} s, {score.n_notes} notes, "
            f"{len(self.trace.entries)} decisions"
        )

    def _repr_html_(self) -> str:
        if "html" not in self._page:
            import tempfile

            with tempfile.TemporaryDirectory() as folder:
                _write(self, Path(folder), DemoOptions(), _silent)
                self._page["html"] = (Path(folder) / "index.html").read_text(encoding="utf-8")
        return (
            f'<iframe srcdoc="{escape(self._page["html"])}" width="100%" height="900" '
            f'style="border:0" title="{escape(self.exhibit.title)}"></iframe>'
        )


def make_demo(name: str, seed: int = 1, **settings: Value) -> Demo:
    """Run an exhibit.

    Parameters
    ----------
    name : str
        As `hybrid.history.registry.exhibit_names` has it.
    seed : int
        0..2**63 - 1; the same seed and settings give the same bytes.
    **settings
        Parameters of the exhibit; what is left out has its default.

    Raises
    ------
    ConfigError
        If the exhibit or a parameter is unknown, or a value out of its range.
    """
    exhibit = load_exhibit(name)
    made, values = run_exhibit(exhibit, seed, settings)
    return Demo(exhibit, made, values, seed)


def write_demo(
    demo: Demo,
    folder: str | Path,
    options: DemoOptions | None = None,
    progress: Progress = _silent,
) -> tuple[str, ...]:
    """Write a run into ``folder``, which appears whole or not at all.

    Returns
    -------
    tuple of str
        Names of the files.

    Raises
    ------
    HybridError
        If the folder holds something else (and ``force`` is off) or cannot be written.
    """
    from hybrid.io.atomic import atomic_folder

    chosen = options or DemoOptions()
    with atomic_folder(Path(folder), force=chosen.force) as place:
        return _write(demo, place, chosen, progress)


def _write(demo: Demo, place: Path, options: DemoOptions, progress: Progress) -> tuple[str, ...]:
    from hybrid.core.provenance import provenance, sha256_of
    from hybrid.io.files import write_score

    progress("files", 0.0)
    names = ["piece.mid", "piece.musicxml"]
    losses = {name: list(write_score(demo.score, place / name)) for name in names}
    _write_json(place / "trace.json", demo.trace.to_dict())
    names.append("trace.json")
    sound = None
    heard: list[tuple[Recording, Path]] = []
    if options.audio and demo.made.recordings:
        heard = [
            (recording, place / (f"{recording.name}.wav" if number else "piece.wav"))
            for number, recording in enumerate(demo.made.recordings)
        ]
        sound = {
            path.name: _write_recording(recording, demo.score, path, options, progress)
            for recording, path in heard
        }
        names += [path.name for _, path in heard]
    elif options.audio:
        sound = _write_sound(demo.score, place / "piece.wav", options, progress)
        names.append("piece.wav")
    record = provenance(
        demo.seed,
        {"exhibit": demo.exhibit.name, **demo.values.to_dict()},
        sound=sound,
        losses={name: lost for name, lost in losses.items() if lost},
        files={name: sha256_of(place / name) for name in sorted(names)},
    )
    if options.page:
        from hybrid.report.exhibit_page import build_exhibit_page

        progress("page", 0.0)
        page = build_exhibit_page(
            demo.exhibit,
            demo.made,
            demo.values,
            demo.seed,
            record,
            audio=place / "piece.wav" if options.audio else None,
            musicxml=(place / "piece.musicxml").read_text(encoding="utf-8"),
            progress=lambda share: progress("page", share),
            recordings=heard,
        )
        (place / "index.html").write_text(page, encoding="utf-8")
        names.append("index.html")
    _write_json(place / "provenance.json", record)
    names.append("provenance.json")
    return tuple(names)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_sound(
    score: Score, path: Path, options: DemoOptions, progress: Progress
) -> dict[str, Any]:
    from hybrid.render import RenderOptions, render_to_file

    progress("sound", 0.0)
    settings = RenderOptions(
        soundfont=options.soundfont,
        sample_rate=options.sample_rate,
        loudness=options.loudness_lufs,
    )
    report = render_to_file(
        score, path, settings, subtype="PCM_16", progress=lambda share: progress("sound", share)
    )
    return report.to_dict()


def _write_recording(
    recording: Recording,
    score: Score,
    path: Path,
    options: DemoOptions,
    progress: Progress,
) -> dict[str, Any]:
    """Write a sound of the exhibit's own, or the score played; what is to be known of it."""
    if recording.audio is None:
        return {"title": recording.title} | _write_sound(score, path, options, progress)
    from hybrid.io.wav import write_audio

    write_audio(recording.audio, path, "pcm16")
    facts = {"sample_rate": recording.audio.sample_rate, "n_samples": recording.audio.n_samples}
    return {"title": recording.title, "made_by": "the exhibit"} | facts


def write_comparison(
    first: Demo,
    second: Demo,
    folder: str | Path,
    options: DemoOptions | None = None,
    progress: Progress = _silent,
) -> tuple[str, ...]:
    """Write two runs and a page that holds them side by side.

    Returns
    -------
    tuple of str
        Names of the files, the pages of both in folders of their own.

    Raises
    ------
    HybridError
        As `write_demo`.
    """
    from hybrid.io.atomic import atomic_folder
    from hybrid.report.comparison import build_comparison

    chosen = options or DemoOptions()
    names = (
        [first.exhibit.name, second.exhibit.name]
        if first.exhibit.name != second.exhibit.name
        else [f"{first.exhibit.name}-1", f"{second.exhibit.name}-2"]
    )
    with atomic_folder(Path(folder), force=chosen.force) as place:
        written = []
        for demo, name in zip((first, second), names, strict=True):
            (place / name).mkdir()
            files = _write(demo, place / name, chosen, progress)
            written += [f"{name}/{file}" for file in files]
        page = build_comparison(
            (first, second),
            tuple(names),
            tuple(place / name / "piece.wav" if chosen.audio else None for name in names),
        )
        (place / "index.html").write_text(page, encoding="utf-8")
        return ("index.html", *written)


def write_all(
    folder: str | Path,
    seed: int = 1,
    options: DemoOptions | None = None,
    workers: int = 2,
    progress: Progress = _silent,
    only: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Write every exhibit with its defaults, and an index of them by year.

    Parameters
    ----------
    folder : str or Path
    seed : int
        Each exhibit draws from its own stream of it.
    options : DemoOptions, optional
    workers : int
        Exhibits made at the same time, each in a process of its own; 1..16.
    progress : callable
    only : tuple of str
        Names of the exhibits wanted; empty for all.

    Returns
    -------
    tuple of str
        Names of the files.

    Raises
    ------
    HybridError
        As `write_demo`.
    """
    from hybrid.core.errors import ConfigError
    from hybrid.io.atomic import atomic_folder
    from hybrid.report.gallery import build_gallery

    if not 1 <= workers <= 16:
        raise ConfigError(f"workers must be in 1..16, got {workers}")
    chosen = options or DemoOptions()
    exhibits = [load_exhibit(name) for name in only] if only else list(all_exhibits())
    with atomic_folder(Path(folder), force=chosen.force) as place:
        tasks = [(exhibit.name, seed, str(place / exhibit.name), chosen) for exhibit in exhibits]
        pictures: dict[str, Mapping[str, str]] = {}
        for done, (name, facts) in enumerate(_run_tasks(tasks, workers), start=1):
            pictures[name] = facts
            progress("exhibits", done / len(tasks))
        (place / "index.html").write_text(
            build_gallery(exhibits, pictures, seed, with_pages=chosen.page), encoding="utf-8"
        )
        return tuple(
            sorted(
                path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()
            )
        )


Task = tuple[str, int, str, DemoOptions]


def _run_tasks(tasks: list[Task], workers: int) -> list[tuple[str, Mapping[str, str]]]:
    if workers == 1 or len(tasks) == 1:
        return [_one(task) for task in tasks]
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Started afresh, not forked: libraries that run threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(pool.map(_one, tasks))


def _one(task: Task) -> tuple[str, Mapping[str, str]]:
    """Write one exhibit; what the index shows of it."""
    from hybrid.report.roll import piano_roll_svg

    name, seed, folder, options = task
    demo = make_demo(name, seed)
    place = Path(folder)
    place.mkdir()
    _write(demo, place, options, _silent)
    return name, {
        "roll": piano_roll_svg(demo.score, height=220.0, name=f"roll-{name}"),
        "figures": demo.figures,
    }
