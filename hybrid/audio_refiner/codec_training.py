"""Training the codec, resumable to the bit.

First on spectral distances alone, then with critics. The number of books is drawn anew for
half of the excerpts, so that the first few books alone still give the sound in outline.

References
----------
Zeghidour, N. et al. (2021). SoundStream: an end-to-end neural audio codec. IEEE/ACM TASLP, 30.
(quantiser dropout)
Kumar, R. et al. (2023). High-fidelity audio compression with improved RVQGAN. NeurIPS.
arXiv:2306.06546. (half of the batch with all books; weights of the losses)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hybrid.audio_refiner.audio_pool import AudioPool
from hybrid.audio_refiner.codec import Codec, CodecConfig
from hybrid.audio_refiner.discriminator import Critics, critic_loss, maker_losses
from hybrid.audio_refiner.losses import drawn_windows, spectral_distances
from hybrid.audio_refiner.quantiser import books_in_use
from hybrid.metrics.audio_signal import si_sdr
from hybrid.training.loop import TrainingLoop


@dataclass(frozen=True)
class CodecTraining:
    """Settings of a run.

    Attributes
    ----------
    updates : int
    batch, frames : int
        Excerpts of an update, and frames of tokens in each.
    windows : int
        Windows of the spectral losses in an update, drawn anew each time; 5 takes all.
    rate, critic_rate : float
        Highest learning rates.
    warmup : int
        Updates of rising rate.
    plain : float
        Share of the run in which the decoder hears what the encoder wrote, of fewer and fewer
        excerpts, instead of what the books make of it. With books from the start the sound's
        phases are never learned.
    critics_from : float
        Share of the run after which the critics join.
    mel, stft, phase, books, taken, alike : float
        Weights of the losses: mel and STFT distance, relative error of the pressed complex
        spectra, books and commitment, being taken for real, alike inside the critics.
    decoder_only : bool
        Whether encoder and books stay as they are, so that tokens keep their meaning.
    critic_size : int
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 20000
    batch: int = 16
    frames: int = 32
    windows: int = 5
    rate: float = 6e-4
    critic_rate: float = 3e-4
    warmup: int = 200
    plain: float = 0.3
    critics_from: float = 0.4
    mel: float = 15.0
    stft: float = 2.0
    phase: float = 10.0
    books: float = 5.0
    taken: float = 1.0
    alike: float = 4.0
    decoder_only: bool = False
    critic_size: int = 32
    average: float = 0.999
    check_every: int = 500
    save_every: int = 500
    seed: int = 0


@torch.no_grad()
def measure_levels(codec: Codec, pool: AudioPool, seed: int = 0, count: int = 64) -> Tensor:
    """Mean size of the pressed spectra in each bin of middle and side: (2, bins)."""
    generator = torch.Generator(device=pool.samples.device).manual_seed(seed)
    n_samples = min(pool.shortest // codec.config.frame, 64) * codec.config.frame
    found = codec.pressed(pool.draw(count, n_samples, generator)).abs()
    level = found.mean((0, 2))
    # The side of mono sound is silent: it may not be blown up.
    return level.clamp(min=float(level[0].mean()) * 0.05)


class CodecTrainer(TrainingLoop):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : CodecConfig
    settings : CodecTraining
    train, valid : AudioPool
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    device : torch.device
    start : Codec, optional
        Weights to begin with.
    """

    def __init__(
        self,
        config: CodecConfig,
        settings: CodecTraining,
        train: AudioPool,
        valid: AudioPool,
        folder: Path,
        device: torch.device | None = None,
        start: Codec | None = None,
    ) -> None:
        super().__init__(settings, Path(folder) / "codec_run.safetensors", device)
        self.config, self.settings = config, settings
        self.train, self.valid = train, valid
        self.codec = Codec(config).to(self.device)
        self.average = Codec(config).to(self.device)
        self.critics = Critics(settings.critic_size).to(self.device)
        self.maker = torch.optim.AdamW(self.codec.parameters(), lr=settings.rate, betas=(0.8, 0.99))
        self.judge = torch.optim.AdamW(
            self.critics.parameters(), lr=settings.critic_rate, betas=(0.8, 0.99)
        )
        if self.path.exists():
            self._load()
        elif start is not None:
            # A decoder that has no noise yet keeps what it has of it from the beginning.
            self.codec.load_state_dict(start.state_dict(), strict=start.config.noise)
            self.average.load_state_dict(self.codec.state_dict())
        else:
            self.codec.level.copy_(measure_levels(self.codec, train, settings.seed))
            self.average.load_state_dict(self.codec.state_dict())

    def _step(self) -> dict[str, float]:
        settings, config = self.settings, self.config
        for optimiser, rate in (
            (self.maker, settings.rate),
            (self.judge, settings.critic_rate),
        ):
            for group in optimiser.param_groups:
                group["lr"] = rate * self._rate_share()
        wave = self.train.draw(settings.batch, settings.frames * config.frame, self.draws)
        drawn = torch.randint(
            1, config.n_books + 1, (settings.batch,), generator=self.draws, device=self.device
        )
        half = torch.rand(settings.batch, generator=self.draws, device=self.device) < 0.5
        n_books = torch.where(half, config.n_books, drawn)
        self.codec.train()
        if settings.decoder_only:
            return self._teach_decoder(wave, n_books)
        numbers = self.codec.numbers(wave)
        values = self.codec.encoder(numbers)
        quantised = self.codec.quantiser(values, n_books)
        share = 1 - self.update / max(1.0, settings.plain * settings.updates)
        past = torch.rand(settings.batch, generator=self.draws, device=self.device) < share
        written = self.codec.decoder(torch.where(past[:, None, None], values, quantised.values))
        loss, row, made = self._distances(written, wave, numbers)
        # The books follow the encoder even where the decoder does not hear them.
        missed = (quantised.values - values.detach()).square().mean()
        missed = missed / values.detach().square().mean().clamp(min=1e-4)
        loss = loss + settings.books * (quantised.loss + missed)
        row["missed"] = float(missed.detach())
        row["books"] = float(quantised.loss.detach())
        if self.update >= settings.critics_from * settings.updates:
            judged = critic_loss(self.critics(wave), self.critics(made.detach()))
            self.judge.zero_grad(set_to_none=True)
            judged.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.critics.parameters(), 10.0)
            self.judge.step()
            self.critics.requires_grad_(False)
            taken, alike = maker_losses(self.critics(wave), self.critics(made))
            self.critics.requires_grad_(True)
            loss = loss + settings.taken * taken + settings.alike * alike
            row |= {"judged": float(judged.detach()), "alike": float(alike.detach())}
        self._learn(loss)
        row["set anew"] = self.codec.quantiser.restart_dead(
            values.detach(), quantised.codes, self.draws
        )
        self._follow(self.average, self.codec)
        return row

    def _teach_decoder(self, wave: Tensor, n_books: Tensor) -> dict[str, float]:
        with torch.no_grad():
            numbers = self.codec.numbers(wave)
            values = self.codec.quantiser(self.codec.encoder(numbers), n_books).values
        loss, row, _ = self._distances(self.codec.decoder(values), wave, numbers)
        self._learn(loss)
        self._follow(self.average.decoder, self.codec.decoder)
        return row

    def _distances(
        self, written: Tensor, wave: Tensor, numbers: Tensor
    ) -> tuple[Tensor, dict[str, float], Tensor]:
        """Weighted distances of what the decoder wrote, their values, and its sound."""
        settings = self.settings
        # Another stretch of the noise each time.
        first = int(torch.randint(2**20, (), generator=self.draws, device=self.device))
        made = self.codec.wave(written, first)
        parts = spectral_distances(made, wave, drawn_windows(settings.windows, self.draws))
        # Sizes alone are matched as well by noise of the right colour: tones need their phases.
        parts["phase"] = self.codec.apart(written, numbers)
        loss = (
            settings.mel * parts["mel"]
            + settings.stft * parts["stft"]
            + settings.phase * parts["phase"]
        )
        return loss, {name: float(value.detach()) for name, value in parts.items()}, made

    def _learn(self, loss: Tensor) -> None:
        self.maker.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.codec.parameters(), 1.0)
        self.maker.step()

    @torch.no_grad()
    def measure(self, count: int = 32) -> dict[str, float]:
        """Distances on held-out sound with the averaged weights, and the books' use."""
        generator = torch.Generator(device=self.device).manual_seed(0)
        n_samples = min(self.valid.shortest // self.config.frame, 128) * self.config.frame
        codec = self.average.eval()
        sums = {"stft": 0.0, "mel": 0.0, "phase": 0.0, "SI-SDR": 0.0}
        codes = []
        batches = max(1, count // 8)
        for _ in range(batches):
            wave = self.valid.draw(8, n_samples, generator)
            made, quantised = codec(wave)
            found = spectral_distances(made, wave)
            found["phase"] = codec.apart(codec.numbers(made), codec.numbers(wave))
            for name, value in found.items():
                sums[name] += float(value) / batches
            # One ratio for the batch: a silent excerpt has none of its own.
            sides = [sound.flatten(0, 1).cpu().numpy() for sound in (wave, made)]
            sums["SI-SDR"] += si_sdr(*sides) / batches
            codes.append(quantised.codes.reshape(-1, quantised.codes.shape[-1]))
        used = books_in_use(torch.cat(codes), self.config.n_entries)
        return {f"valid {name}": value for name, value in sums.items()} | {
            "valid books in use": sum(used) / len(used)
        }

    def _modules(self) -> dict[str, torch.nn.Module]:
        return {"codec": self.codec, "average": self.average, "critics": self.critics}

    def _optimisers(self) -> dict[str, tuple[torch.optim.Optimizer, torch.nn.Module]]:
        return {"maker": (self.maker, self.codec), "judge": (self.judge, self.critics)}

    def _record(self) -> dict[str, Any]:
        return {"codec": self.config.to_dict(), "settings": asdict(self.settings)}
