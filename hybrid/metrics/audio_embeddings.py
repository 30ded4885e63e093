"""Embeddings by name: our own, and those of others where their packages and weights are there.

Each outside embedding is loaded by its own package, only when it is asked for. Nothing is fetched
here: where weights are not on the machine, one line says what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError
from hybrid.metrics.audio_frechet import Embedding, MelStatistics
from hybrid.metrics.audio_spectra import resampled
from hybrid.metrics.listener import ListenerEmbedding

_ROWS = 16  # stretches of sound that go through a network at a time


def mono_at(audio: Audio, sample_rate: int) -> NDArray[np.float32]:
    """The mean of the channels at another sample rate, shape (N,)."""
    return resampled(audio.samples.mean(axis=0), audio.sample_rate, sample_rate)


def _stretches(wave: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Stretches (R, length) of a sound after one another; a short one is filled with silence."""
    if len(wave) < length:
        wave = np.pad(wave, (0, length - len(wave)))
    n_rows = len(wave) // length
    return wave[: n_rows * length].reshape(n_rows, length)


class VggishEmbedding:
    """VGGish by the package torchvggish: 128 numbers for 0.96 s of mono sound at 16 kHz.

    Without the principal components and whole numbers that its authors added later, as usual for
    Fréchet distances.

    Parameters
    ----------
    weights : Path, optional
        ``vggish-10086976.pth``; looked for in torch's cache where left out.
    network : optional
        The network itself instead.

    References
    ----------
    Hershey, S., et al. (2017). CNN architectures for large-scale audio classification. ICASSP.
    arXiv:1609.09430.
    """

    name = "vggish"
    _FILE, _RATE = "vggish-10086976.pth", 16000

    def __init__(self, weights: Path | None = None, network: Any = None) -> None:
        try:
            from torchvggish import vggish, vggish_input
        except ImportError as error:
            raise ConfigError(
                "embedding vggish must have the package torchvggish, got none "
                f"(pip install torchvggish): {error}"
            ) from error
        self._examples = vggish_input.waveform_to_examples
        if network is None:
            network = vggish.VGG(vggish.make_layers())
            network.load_state_dict(_state(weights or _torch_cache() / self._FILE, self.name))
        self._network = network.eval()

    def __call__(self, audio: Audio) -> NDArray[np.float64]:
        import torch

        wave = mono_at(audio, self._RATE)
        wave = np.pad(wave, (0, max(0, self._RATE - len(wave))))
        with torch.inference_mode():
            examples = self._examples(wave.astype(np.float64), self._RATE)  # (R, 1, 96, 64)
            parts = [self._network(part) for part in examples.split(_ROWS)]
        return _rows(torch.cat(parts))


class EncodecEmbedding:
    """EnCodec's encoder by transformers: its 128 latents, mean over each second at 24 kHz.

    Parameters
    ----------
    weights : Path, optional
        Folder of a model as transformers saves it, ``facebook/encodec_24khz`` where it was
        fetched before.
    network : optional
        The model itself instead.

    References
    ----------
    Défossez, A., et al. (2022). High fidelity neural audio compression. arXiv:2210.13438.
    """

    name = "encodec"

    def __init__(self, weights: Path | None = None, network: Any = None) -> None:
        self._network = network or _pretrained(
            "EncodecModel", weights or "facebook/encodec_24khz", self.name
        )

    def __call__(self, audio: Audio) -> NDArray[np.float64]:
        import torch

        rate = int(self._network.config.sampling_rate)
        rows = torch.from_numpy(_stretches(mono_at(audio, rate), rate))[:, None]
        if self._network.config.audio_channels == 2:
            rows = rows.expand(-1, 2, -1)
        with torch.inference_mode():
            parts = [
                self._network.encoder(rows[at : at + _ROWS]).mean(dim=2)
                for at in range(0, len(rows), _ROWS)
            ]
        return _rows(torch.cat(parts))


class ClapEmbedding:
    """CLAP's audio side by transformers: 512 numbers for each 10 s at 48 kHz.

    Parameters
    ----------
    weights : Path, optional
        Folder of a model and its feature extractor as transformers saves them,
        ``laion/clap-htsat-unfused`` where it was fetched before.
    network, extractor : optional
        Both themselves instead.

    References
    ----------
    Wu, Y., et al. (2023). Large-scale contrastive language-audio pretraining with feature fusion
    and keyword-to-caption augmentation. ICASSP. arXiv:2211.06687.
    """

    name = "clap"

    def __init__(
        self, weights: Path | None = None, network: Any = None, extractor: Any = None
    ) -> None:
        source = weights or "laion/clap-htsat-unfused"
        self._network = network or _pretrained("ClapAudioModelWithProjection", source, self.name)
        self._extractor = extractor or _pretrained("ClapFeatureExtractor", source, self.name)

    def __call__(self, audio: Audio) -> NDArray[np.float64]:
        import torch

        rate = int(self._extractor.sampling_rate)
        rows = _stretches(mono_at(audio, rate), 10 * rate)
        parts = []
        with torch.inference_mode():
            for row in rows:
                heard = self._extractor(row, sampling_rate=rate, return_tensors="pt")
                parts.append(self._network(**heard).audio_embeds)
        return _rows(torch.cat(parts))


def _rows(found: Any) -> NDArray[np.float64]:
    made: NDArray[np.float64] = found.float().numpy().astype(np.float64)
    return made


def _torch_cache() -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def _state(path: Path, what: str) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"embedding {what} must have its weights, got none at {path}") from None
    except Exception as error:
        raise ConfigError(f"{path} must hold the weights of {what}: {error}") from error


def _pretrained(part: str, source: str | Path, what: str) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise ConfigError(
            f"embedding {what} must have the package transformers, got none "
            "(pip install hybrid-composer[embeddings])"
        ) from error
    try:
        made = getattr(transformers, part).from_pretrained(str(source), local_files_only=True)
    except (OSError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigError(f"embedding {what} must have its weights: {first}") from error
    return made.eval() if hasattr(made, "eval") else made


#: How each embedding is made from a path of weights or None.
EMBEDDINGS: dict[str, Callable[[Path | None], Embedding]] = {
    "listener": ListenerEmbedding,
    "mel-statistics": lambda weights: MelStatistics(),
    "vggish": VggishEmbedding,
    "encodec": EncodecEmbedding,
    "clap": ClapEmbedding,
}
DEFAULT = "listener"


def embedding_by_name(name: str = DEFAULT, weights: Path | None = None) -> Embedding:
    """An embedding.

    Parameters
    ----------
    name : str
        One of `EMBEDDINGS`.
    weights : Path, optional
        Where its weights lie; those of the package, or those fetched before, where left out.

    Raises
    ------
    ConfigError
        If there is no such embedding, or its package or weights are missing.
    """
    if name not in EMBEDDINGS:
        raise ConfigError(f"embedding must be one of {', '.join(EMBEDDINGS)}, got {name!r}")
    return EMBEDDINGS[name](weights)
