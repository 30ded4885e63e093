"""``hybrid codec``: sound to tokens and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

codec_app = typer.Typer(
    help="Sound to tokens of a neural codec, and back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Weights = Annotated[
    Path | None, typer.Option(help="File of weights. [default: those of the package]")
]
Kind = Annotated[str, typer.Option("--codec", help="Which codec: hybrid, dac or encodec.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(codec_app, name="codec")


@codec_app.command("encode")
def encode(
    file: Annotated[Path, typer.Argument(help="Sound: WAV, FLAC, ...; mono or stereo.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Token file. [default: FILE.tokens]")
    ] = None,
    weights: Weights = None,
    kind: Kind = "hybrid",
    quiet: Quiet = False,
) -> None:
    """Write a sound as tokens, of any length in bounded memory.

    Sound at other rates than the codec's is converted first; mono is played on both sides.
    """
    from hybrid.audio_refiner.codec_run import encode_file
    from hybrid.audio_refiner.sound_codec import load_sound_codec
    from hybrid.cli.files import another
    from hybrid.cli.progress import progress

    target = another(output or file.with_suffix(".tokens"), file)
    codec = load_sound_codec(kind, weights)
    with progress(quiet) as show:
        tokens = encode_file(file, target, codec, lambda share: show("encode", share))
    typer.echo(
        f"{target}: {tokens.seconds:.1f} s, {tokens.codes.shape[1]} books, "
        f"{target.stat().st_size} bytes, {tokens.kbps:.2f} kbit/s"
    )


@codec_app.command("decode")
def decode(
    file: Annotated[Path, typer.Argument(help="Token file.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="WAV or FLAC. [default: FILE.wav]")
    ] = None,
    books: Annotated[
        int | None, typer.Option(help="Decode the first books only: coarser. [default: all]")
    ] = None,
    weights: Weights = None,
    kind: Kind = "hybrid",
    quiet: Quiet = False,
) -> None:
    """Write the sound of tokens: stereo, at the codec's sample rate."""
    from hybrid.audio_refiner.codec_run import decode_file
    from hybrid.audio_refiner.sound_codec import load_sound_codec
    from hybrid.cli.files import another
    from hybrid.cli.progress import progress

    target = another(output or file.with_suffix(".wav"), file)
    codec = load_sound_codec(kind, weights)
    with progress(quiet) as show:
        made = decode_file(
            file, target, codec, books=books, progress=lambda share: show("decode", share)
        )
    line = f"{target}: {made.n_samples / made.sample_rate:.1f} s, {made.n_books} books"
    if made.gain_db:
        line += f", lowered by {-made.gain_db:.1f} dB so that nothing clips"
    typer.echo(line)


@codec_app.command("info")
def info(
    file: Annotated[Path, typer.Argument(help="Token file.")],
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a token file holds; needs no weights."""
    import json

    from hybrid.audio_refiner.token_file import read_tokens

    values = read_tokens(file).about()
    if json_output:
        typer.echo(json.dumps(values, indent=1))
        return
    width = max(map(len, values))
    for name, value in values.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        typer.echo(f"{name:<{width}}  {shown}")
