"""The network: a 2.5D U-Net over three neighbouring sagittal slices.

Images are 0.5 mm a pixel outside and 1 mm inside: a pixel unshuffle first and a pixel shuffle last keep the borders
sharp at a quarter of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

CLASSES = 6
SLICES = 3
STRIDE = 32  # rows and columns of an image are multiples of this
WIDTHS = (24, 48, 96, 160, 224)


def _convolutions(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels, step in ((inputs, stride), (outputs, 1)):
        layers += [
            nn.Conv2d(channels, outputs, 3, stride=step, padding=1, bias=False),
            nn.InstanceNorm2d(outputs, affine=True),
            nn.LeakyReLU(0.01, inplace=True),
        ]
    return nn.Sequential(*layers)


class Network(nn.Module):
    """(N, 3, H, W) normalised image -> (N, 6, H, W) logits; H and W are multiples of 32."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.unshuffle = nn.PixelUnshuffle(2)
        self.down = nn.ModuleList([_convolutions(SLICES * 4, widths[0])])
        self.down.extend(_convolutions(a, b, stride=2) for a, b in pairwise(widths))
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2, bias=False) for a, b in pairs)
        self.merge = nn.ModuleList(_convolutions(2 * b, b) for _, b in pairs)
        self.head = nn.Conv2d(widths[0], CLASSES * 4, 1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, image: Tensor) -> Tensor:
        features = self.unshuffle(image)
        skips: list[Tensor] = []
        for block in self.down:
            features = block(features)
            skips.append(features)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            features = merge(torch.cat([up(features), skips.pop()], dim=1))
        logits: Tensor = self.shuffle(self.head(features))
        return logits
