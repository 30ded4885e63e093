"""Commands on score files: check, plan, render, convert, tab, roll."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hybrid.core.score import Score

File = Annotated[Path, typer.Argument(help="Score: MIDI, MusicXML (.mxl too), ABC or kern.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("check")(check)
    app.command("plan")(plan)
    app.command("render")(render)
    app.command("convert")(convert)
    app.command("tab")(tab)
    app.command("roll")(roll)


def _read(file: Path) -> Score:
    """Read a score and say on standard error what was lost on the way."""
    from hybrid.io.files import read_score

    reading = read_score(file)
    _report_losses(file, reading.losses)
    return reading.score


def _report_losses(file: Path, losses: tuple[str, ...]) -> None:
    for loss in losses:
        typer.echo(f"hybrid: {file.name}: {loss}", err=True)


def check(
    file: Annotated[
        Path | None, typer.Argument(help="Score: MIDI, MusicXML (.mxl too), ABC or kern.")
    ] = None,
    rules: Annotated[
        str,
        typer.Option(
            help="Rule set: accompanied, chorale, fux1 to fux5, jazz, pop, or a .toml of your own."
        ),
    ] = "chorale",
    cantus: Annotated[
        str | None,
        typer.Option(help="Voice or track with the cantus firmus (fux1 to fux5). [default: found]"),
    ] = None,
    severity: Annotated[
        str, typer.Option(help="Least severity shown: error, warning or info.")
    ] = "warning",
    explain: Annotated[bool, typer.Option("--explain", help="Explain each rule found.")] = False,
    list_rules: Annotated[
        bool,
        typer.Option("--list-rules", help="List the rule sets, and the rules of --rules, instead."),
    ] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the part-writing of a score.

    Prints each finding with its place, and how often each rule is broken per 1,000 onset
    slices beside the rate in Bach's chorales. Exit status 1 if a rule of severity error is
    broken.
    """
    import json

    from hybrid.core.errors import ConfigError
    from hybrid.outside import check_score
    from hybrid.theory.explain import explain as explain_rule
    from hybrid.theory.explain import list_rule_sets, list_rules_of
    from hybrid.theory.ruleset import load_rule_set

    if list_rules:
        typer.echo(f"{list_rule_sets()}\n\n{list_rules_of(load_rule_set(rules))}")
        return
    if file is None:
        raise ConfigError("check must be given a score, got no FILE")
    report = check_score(_read(file), rules=rules, severity=severity, cantus=cantus)
    if json_output:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        for finding in report.findings:
            typer.echo(str(finding))
        if report.rows:
            typer.echo("\nper 1,000 onset slices    here     Bach")
        for row in report.rows:
            bach = "" if row.bach is None else f"{row.bach:.1f}"
            typer.echo(f"{row.rule:<24}{row.rate:>6.1f}{bach:>9}".rstrip())
        rule_set = load_rule_set(rules)
        for rule in sorted({finding.rule for finding in report.findings}) if explain else ():
            typer.echo(f"\n{explain_rule(rule, rule_set)}")
        typer.echo(f"\n{report.n_errors} errors, {len(report.findings)} findings shown")
    if report.n_errors:
        raise typer.Exit(1)


def plan(
    file: File,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Plan (TOML). [default: standard output]"),
    ] = None,
) -> None:
    """Read the plan of a score: keys, chords, cadences, phrases, themes, sections, setting.

    The plan is complete; `hybrid compose --plan` follows it as it is or as you edit it.
    """
    from hybrid.cli.files import another
    from hybrid.core.errors import ConfigError, HybridError
    from hybrid.io.plan_toml import format_plan, write_plan
    from hybrid.theory.extract import extract_plan

    if output is not None and output.suffix.lower() != ".toml":
        raise ConfigError(f"a plan's file must end in .toml, got {str(output)!r}")
    score = _read(file)
    try:
        found = extract_plan(score)
    except HybridError as error:
        raise type(error)(f"{file}: {error}") from error
    if output is None:
        typer.echo(format_plan(found), nl=False)
        return
    write_plan(found, another(output, file))
    typer.echo(f"{output}: {found.n_bars} bars, {len(found.sections)} sections, {found.key}")


def render(
    file: File,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="WAV or FLAC. [default: FILE.wav]")
    ] = None,
    soundfont: Annotated[
        str | None, typer.Option(help="SoundFont, by name or path. [default: TimGM6mb]")
    ] = None,
    sample_rate: Annotated[int, typer.Option(help="Samples per second.")] = 44100,
    loudness: Annotated[
        float, typer.Option(help="Loudness in LUFS, where the peak allows it.")
    ] = -16.0,
    stems: Annotated[
        bool, typer.Option("--stems", help="Write each track beside the mix.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Render a score to sound with a SoundFont."""
    from hybrid.cli.progress import progress
    from hybrid.outside_sound import render_file

    score = _read(file)
    target = output or file.with_suffix(".wav")
    with progress(quiet) as show:
        for line in render_file(
            score,
            target,
            soundfont=soundfont,
            sample_rate=sample_rate,
            loudness_lufs=loudness,
            stems=stems,
            progress=show,
        ):
            typer.echo(line)


def convert(
    file: File,
    output: Annotated[Path, typer.Argument(help="Target; its suffix names the format.")],
    to: Annotated[
        str | None, typer.Option(help="Format: midi, musicxml, abc or kern, whatever the suffix.")
    ] = None,
) -> None:
    """Convert a score between MIDI, MusicXML, ABC and kern.

    What the target format cannot hold is named, one line each, on standard error.
    """
    from hybrid.cli.files import another
    from hybrid.io.files import format_of, write_score

    format_of(output, to)  # before the work of reading
    losses = write_score(_read(file), another(output, file), format=to)
    _report_losses(output, losses)
    typer.echo(f"{output}")


def tab(
    file: File,
    track: Annotated[str | None, typer.Option(help="Track's name. [default: the first]")] = None,
    tuning: Annotated[
        str, typer.Option(help="Open strings, lowest first, or a tuning's name.")
    ] = "standard",
    capo: Annotated[int, typer.Option(help="Fret of the capo.")] = 0,
    width: Annotated[int, typer.Option(help="Characters a line.")] = 96,
) -> None:
    """Print a track as guitar tablature."""
    from hybrid.io.tablature import tablature

    typer.echo(tablature(_read(file), track=track, tuning=tuning, capo=capo, width=width))


def roll(
    file: File,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="SVG. [default: FILE.svg]")
    ] = None,
) -> None:
    """Draw a score as a piano roll (SVG)."""
    from hybrid.cli.files import drawing
    from hybrid.io.atomic import write_text
    from hybrid.report import piano_roll_svg

    score = _read(file)
    target = drawing(output or file.with_suffix(".svg"))
    write_text(target, piano_roll_svg(score))
    typer.echo(f"{target}")
