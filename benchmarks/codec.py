"""The codec on held-out sound: distances by number of books, books in use, speed beside others.

    python -m benchmarks.codec --pairs FOLDER [--weights FILE] [--excerpts 24] [--seconds 20]

FOLDER is what `hybrid corpora pairs -o FOLDER` made; its test files are read. Other codecs'
architectures run with random weights, where their packages are installed: that says how
fast they are, and nothing of how they sound.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries load

import argparse
import resource
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from benchmarks._table import RESULTS, write_table
from hybrid.audio_refiner.audio_sets import pair_files
from hybrid.audio_refiner.codec_run import decode_file, encode_file
from hybrid.audio_refiner.codec_stream import OwnCodec
from hybrid.audio_refiner.codec_weights import load_codec
from hybrid.audio_refiner.pairs_file import read_pairs
from hybrid.audio_refiner.resampling import resampled
from hybrid.metrics.audio_signal import mel_distance, si_sdr, stft_distance

RATE = 44100
_LONG = 10.0  # seconds that are timed once: warming up weighs little in them
Sound = NDArray[np.float32]


def sounds(folder: Path, n_excerpts: int, split: str = "test") -> Iterator[tuple[str, Sound]]:
    """Dry and produced sound of excerpts that are spread evenly over a split's files."""
    files = pair_files(folder, split)
    for number, path in enumerate(files):
        batch = read_pairs(path)
        share = n_excerpts * (number + 1) // len(files) - n_excerpts * number // len(files)
        chosen = np.linspace(0, len(batch.entries) - 1, min(share, len(batch.entries)))
        for index in sorted({round(at) for at in chosen.tolist()}):
            yield "dry", batch.dry[index]
            yield batch.entries[index].style, batch.target(index)


def distances(wanted: Sound, made: Sound) -> dict[str, float]:
    """What is measured of a decoded sound."""
    return {
        "mel distance (dB)": mel_distance(wanted, made, RATE),
        "STFT distance": stft_distance(wanted, made),
        "SI-SDR (dB)": si_sdr(wanted, made),
    }


def book_rows(codes: NDArray[np.int64], n_entries: int) -> list[dict[str, Any]]:
    """Use of each book's entries over all tokens (T, K)."""
    rows = []
    for number, book in enumerate(codes.T, start=1):
        share = np.bincount(book, minlength=n_entries) / len(book)
        heard = share[share > 0]
        rows.append(
            {
                "book": number,
                "entries in use (%)": 100 * len(heard) / n_entries,
                "entropy (bits)": float(-(heard * np.log2(heard)).sum()),
            }
        )
    return rows


def _mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means; of SI-SDR the median, which some excerpts would draw far down."""
    return {
        name: float((np.median if "SI-SDR" in name else np.mean)([row[name] for row in rows]))
        for name in rows[0]
    }


def streaming(codec: OwnCodec, sound: Sound) -> str:
    """Whether sound in chunks comes out as in one piece."""
    whole = codec.codec.encode(torch.from_numpy(sound), chunk=10**9)
    pieces = (sound[:, at : at + 50_000] for at in range(0, sound.shape[1], 50_000))
    codes = np.concatenate(list(codec.encode(pieces)))
    other = float((codes != whole.numpy()).mean())
    one = codec.codec.decode(whole, chunk=10**9).numpy()
    many = np.concatenate(list(codec.decode(whole.numpy())), axis=1)
    apart = float(np.abs(one - many).max())
    return (
        f"Streaming, {sound.shape[1] / RATE:.0f} s in chunks against one piece: "
        f"{100 * other:.4f} % of the tokens differ, samples by {apart:.1e} at most (goal: 1e-4)."
    )


# --- Speed ----------------------------------------------------------------------------------------


def _seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of an action and its result; the better of two rounds where that is short."""
    best, found = np.inf, None
    for _ in range(2):
        start = time.process_time()
        found = action()
        best = min(best, time.process_time() - start)
        if best > _LONG:
            break
    return float(best), found


def _speed(
    name: str,
    kbps: float,
    modules: Sequence[torch.nn.Module],
    encode: Callable[[], Any],
    decode: Callable[[Any], Any],
    seconds: float,
) -> dict[str, Any]:
    with torch.inference_mode():
        to, codes = _seconds(encode)
        back, _ = _seconds(lambda: decode(codes))
    n_weights = sum(weight.numel() for module in modules for weight in module.parameters())
    return {
        "codec": name,
        "weights (millions)": n_weights / 1e6,
        "kbit/s": kbps,
        "encode (x real time)": seconds / to,
        "decode (x real time)": seconds / back,
    }


def speed_rows(codec: OwnCodec, sound: Sound) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of all codecs that are there, and notes about those that are not."""
    seconds = sound.shape[1] / RATE
    own = codec.codec
    rows = [
        _speed(
            "this one",
            own.config.kbps,
            [own],
            lambda: np.concatenate(list(codec.encode([sound]))),
            lambda codes: list(codec.decode(codes)),
            seconds,
        )
    ]
    notes = []
    for maker, package in ((_encodec_rows, "encodec"), (_dac_rows, "descript-audio-codec")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows += maker(sound, seconds)
        except ImportError as error:
            notes.append(f"Not measured, for {package} is not installed: {error}.")
    return rows, notes


def _encodec_rows(sound: Sound, seconds: float) -> list[dict[str, Any]]:
    from encodec import EncodecModel

    wave = np.concatenate(list(resampled([sound], RATE, 48000)), axis=1)
    stereo = torch.from_numpy(wave)[None]
    torch.manual_seed(0)
    model = EncodecModel.encodec_model_48khz(pretrained=False)
    model.set_target_bandwidth(6.0)
    return [
        _speed(
            "EnCodec's 48 kHz stereo architecture, random weights",
            6.0,
            [model],
            lambda: model.encode(stereo),
            model.decode,
            seconds,
        )
    ]


def _dac_rows(sound: Sound, seconds: float) -> list[dict[str, Any]]:
    from dac import DAC

    torch.manual_seed(0)
    model = DAC().eval()
    frame = int(model.hop_length)
    sides = torch.from_numpy(sound[:, : sound.shape[1] // frame * frame].copy())[:, None]
    kbps = 2 * RATE / frame * model.n_codebooks * np.log2(model.codebook_size) / 1000
    return [
        _speed(
            "DAC's 44.1 kHz architecture on left and right, random weights",
            float(kbps),
            [model],
            lambda: model.encode(sides)[1],
            lambda codes: model.decode(model.quantizer.from_codes(codes)[0]),
            seconds,
        )
    ]


def _hour(codec: OwnCodec) -> str:
    """An hour of noise from file to file, after all else: how much more memory that takes."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        source, tokens, back = (Path(folder) / name for name in ("a.flac", "a.tokens", "b.flac"))
        with soundfile.SoundFile(str(source), "w", RATE, 2, subtype="PCM_16") as file:
            for _ in range(360):
                part = 0.1 * rng.standard_normal((10 * RATE, 2), dtype=np.float32)
                file.write(np.clip(part, -1, 1))
        start = time.process_time()
        encode_file(source, tokens, codec)
        middle = time.process_time()
        decode_file(tokens, back, codec)
        end = time.process_time()
        size = tokens.stat().st_size / 2**20
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"An hour of noise from file to file: encoded at {3600 / (middle - start):.0f} x, decoded "
        f"at {3600 / (end - middle):.0f} x real time, {size:.1f} MiB of tokens, "
        f"{max(0, after - before) / 1024:.0f} MiB more memory at its peak than the rows above "
        f"({before / 1024:.0f} MiB)."
    )


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=Path, required=True, help="folder of pairs")
    parser.add_argument("--weights", type=Path, help="of the codec; those that ship by default")
    parser.add_argument("--split", default="test")
    parser.add_argument("--excerpts", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=20.0, help="of sound that is timed")
    parser.add_argument("--hour", action="store_true", help="also an hour of noise, by files")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the table")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    codec = OwnCodec(*load_codec(chosen.weights))
    n_books = codec.n_books
    counts = sorted({count for count in (1, 2, 4, 6, 8, 10, n_books) if count <= n_books})
    by_books: dict[int, list[dict[str, float]]] = defaultdict(list)
    by_sound: dict[str, list[dict[str, float]]] = defaultdict(list)
    codes_of: list[NDArray[np.int64]] = []
    heard: list[Sound] = []
    for kind, sound in sounds(chosen.pairs, chosen.excerpts, chosen.split):
        codes = np.concatenate(list(codec.encode([sound])))
        codes_of.append(codes)
        heard.append(sound)
        for count in counts:
            made = np.concatenate(list(codec.decode(codes[:, :count])), 1)[:, : sound.shape[1]]
            row = distances(sound, made)
            by_books[count].append(row)
            if count == n_books:
                by_sound[kind].append(row)
        print(len(heard), kind, by_sound[kind][-1], flush=True)
    rows = [
        {
            "books": count,
            "kbit/s": codec.codec.config.kbps * count / n_books,
            **_mean(by_books[count]),
        }
        for count in counts
    ]
    joined = np.concatenate(heard, axis=1)
    timed = joined[:, : round(chosen.seconds * RATE)]
    speeds, missing = speed_rows(codec, timed)
    use = book_rows(np.concatenate(codes_of), codec.n_entries)
    in_use = [row["entries in use (%)"] for row in use]
    kinds = [
        {"sound": kind, "excerpts": len(found), **_mean(found)}
        for kind, found in sorted(by_sound.items(), key=lambda item: (item[0] != "dry", item[0]))
    ]
    notes = [
        f"{len(heard)} excerpts ({joined.shape[1] / RATE / 60:.1f} minutes) of the set "
        f"{chosen.split}, dry and produced; means, of SI-SDR the median. Weights "
        f"{codec.digest[:12]}.",
        f"Entries in use: {np.mean(in_use):.1f} % in the mean, {min(in_use):.1f} % in the worst "
        f"book (goal: 90 % in each), over {sum(map(len, codes_of))} frames.",
        streaming(codec, joined[:, : 60 * RATE]),
        f"Speed: processor time of one thread, {chosen.seconds:g} s of stereo, the better of two "
        "short rounds (goal: 20 x real time each way). Other codecs have random weights.",
        *missing,
        *([_hour(codec)] if chosen.hour else []),
    ]
    made_files = write_table(
        "codec",
        rows,
        notes,
        title="The codec",
        packages=("torch", "encodec", "descript-audio-codec", "numpy"),
        sections={"All books, by sound": kinds, "Use of the books": use, "Speed": speeds},
        folder=chosen.out,
    )
    print(*made_files, sep="\n")


if __name__ == "__main__":
    main()
