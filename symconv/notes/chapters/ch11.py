"""Chapter 11: networks, computed layer by layer."""

from __future__ import annotations

from symconv.notes.chapters import (
    ch11_blocks,
    ch11_classic,
    ch11_depthwise,
    ch11_inception,
    ch11_initialisation,
    ch11_normalisation,
    ch11_unet,
)
from symconv.notes.model import Chapter, Words


def chapter() -> Chapter:
    """Architectures, and what training them needs."""
    return Chapter(11, Words("Networks", "网络"),
                   (*ch11_classic.blocks(), *ch11_inception.blocks(), *ch11_blocks.blocks(),
                    *ch11_depthwise.blocks(), *ch11_unet.blocks(),
                    *ch11_normalisation.blocks(), *ch11_initialisation.blocks()))
