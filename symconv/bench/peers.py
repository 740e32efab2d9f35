"""The peers: libraries that run the same cases, found where they are installed.

A peer prepares a part of a case once and gives the calls to time, by the name of the candidate
(PyTorch gives two, one for each of its layouts); none where it has no way to run that part. Each
runs at its best for one thread and in the precision of the case, and is called as its users do:
with arrays that are there, for a result of its own. The result of a call is an array in the layout
N,C,spatial, or what `settled` makes one.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from symconv.bench.kernels import Run
from symconv.bench.layers import Array, Arrays, Case
from symconv.errors import ParameterError


class Peer(Protocol):
    """A module `symconv.bench.by_NAME`."""

    def prepare(self, case: Case, part: str, arrays: Arrays) -> Mapping[str, Run | None]:
        """The calls that compute a part of a case from operands that are never changed; None for
        one that would need more columns than `layers.COLUMNS`."""

    def settled(self, result: object) -> Array:
        """What a call gave, as an array in the layout N,C,spatial."""


# the peer, and the packages that it needs
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "torch": ("torch",),
    "onnxruntime": ("onnxruntime", "onnx"),
    "openvino": ("openvino", "onnx"),
    "ncnn": ("ncnn",),
    "jax": ("jax",),
    "numpy": (),
}


def found(names: Sequence[str]) -> tuple[dict[str, Peer], dict[str, str]]:
    """The peers with these names, and for those that are missing what to install.

    Raises ParameterError for a name that is no peer.
    """
    peers: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    for name in names:
        if name not in PACKAGES:
            raise ParameterError(f"--against {name!r}: choose among {', '.join(PACKAGES)}")
        absent = [package for package in PACKAGES[name]
                  if importlib.util.find_spec(package) is None]
        if absent:
            missing[name] = f"pip install {' '.join(absent)}"
        else:
            peers[name] = cast(Peer, importlib.import_module(f"symconv.bench.by_{name}"))
    return peers, missing
