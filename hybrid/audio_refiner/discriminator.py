"""Critics of sound: complex spectra at several resolutions, told real from decoded.

Each looks at one resolution of the spectra of left, right, middle and side, real and imaginary
parts as planes of a picture.

References
----------
Défossez, A. et al. (2022). High fidelity neural audio compression. arXiv:2210.13438.
(multi-scale complex spectra, feature matching)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from hybrid.audio_refiner.losses import four_views

WINDOWS = (256, 512, 1024, 2048)


class Critic(nn.Module):
    """One resolution: (B, 8, T, bins) pictures to a map of scores, and its layers."""

    def __init__(self, window: int, size: int) -> None:
        super().__init__()
        self.window = window
        layers = [weight_norm(nn.Conv2d(8, size, (3, 9), padding=(1, 4)))]
        for dilation in (1, 2, 4):
            layers.append(
                weight_norm(
                    nn.Conv2d(
                        size,
                        size,
                        (3, 9),
                        stride=(1, 2),
                        dilation=(dilation, 1),
                        padding=(dilation, 4),
                    )
                )
            )
        layers.append(weight_norm(nn.Conv2d(size, size, 3, padding=1)))
        self.layers = nn.ModuleList(layers)
        self.last = weight_norm(nn.Conv2d(size, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        shape = torch.hann_window(self.window, device=wave.device)
        views = four_views(wave)
        found = torch.stft(
            views, self.window, self.window // 4, window=shape, return_complex=True, normalized=True
        )
        planes = torch.view_as_real(found)  # (4 B, bins, T, 2)
        batch = len(wave)
        planes = planes.reshape(4, batch, *planes.shape[1:])
        picture = planes.permute(1, 0, 4, 3, 2).flatten(1, 2)  # (B, 8, T, bins)
        features = []
        for layer in self.layers:
            picture = nn.functional.leaky_relu(layer(picture), 0.2)
            features.append(picture)
        score: Tensor = self.last(picture)
        return score, features


class Critics(nn.Module):
    """All resolutions."""

    def __init__(self, size: int = 32, windows: tuple[int, ...] = WINDOWS) -> None:
        super().__init__()
        self.critics = nn.ModuleList(Critic(window, size) for window in windows)

    def forward(self, wave: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        return [critic(wave) for critic in self.critics]


def critic_loss(
    real: list[tuple[Tensor, list[Tensor]]], made: list[tuple[Tensor, list[Tensor]]]
) -> Tensor:
    """Hinge loss of the critics: real above 1, made below -1."""
    parts = [
        torch.relu(1 - score).mean() + torch.relu(1 + other).mean()
        for (score, _), (other, _) in zip(real, made, strict=True)
    ]
    return torch.stack(parts).mean()


def maker_losses(
    real: list[tuple[Tensor, list[Tensor]]], made: list[tuple[Tensor, list[Tensor]]]
) -> tuple[Tensor, Tensor]:
    """What the decoder hears from the critics: to be taken for real, and to look alike inside."""
    taken = torch.stack([-score.mean() for score, _ in made]).mean()
    alike = [
        (there - here.detach()).abs().mean() / here.detach().abs().mean().clamp(min=1e-4)
        for (_, features), (_, others) in zip(real, made, strict=True)
        for here, there in zip(features, others, strict=True)
    ]
    return taken, torch.stack(alike).mean()
