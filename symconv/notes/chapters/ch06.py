"""Chapter 6: the convolutional layer with every parameter."""

from __future__ import annotations

from symconv.notes.chapters import (
    ch06_borders,
    ch06_channels,
    ch06_cost,
    ch06_inputs,
    ch06_residues,
    ch06_sizes,
    ch06_strides,
    ch06_weights,
)
from symconv.notes.model import Chapter, Words


def chapter() -> Chapter:
    """Channels, sizes, stride and dilation, borders, gradients, cost."""
    return Chapter(6, Words("The layer with every parameter", "含全部参数的卷积层"),
                   (*ch06_channels.blocks(), *ch06_sizes.blocks(), *ch06_strides.blocks(),
                    *ch06_borders.blocks(), *ch06_weights.blocks(), *ch06_inputs.blocks(),
                    *ch06_residues.blocks(), *ch06_cost.blocks()))
