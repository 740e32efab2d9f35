"""The standard set: one configuration of every catalogue operator, emitted into `generated/`."""

from __future__ import annotations

from collections.abc import Iterator

from symconv.operator import Operator
from symconv.operators import catalogue

# what an operator needs to be complete: windows of pools, numbers of axes of elementwise ones
_WINDOWS = {"max_pool": 3, "min_pool": 3, "avg_pool": 2, "sum_pool": 2, "lp_pool": 2,
            "max_unpool": 2, "unfold": 3, "fold": 3}
_OUTPUTS = {"adaptive_avg_pool": 3, "adaptive_max_pool": 3, "fold": 8}
_RANKS = {"flatten": 4, "batch_norm": 4}
_RANK = 2
# configurations worth reading beside the defaults
_EXTRA: tuple[tuple[str, str, dict[str, int | str]], ...] = (
    ("conv1d_stride3_dilation2", "conv1d", {"stride": 3, "dilation": 2, "padding": 2}),
    ("conv2d_stride2", "conv2d", {"stride": 2, "padding": 1}),
    ("max_pool2d_indices", "max_pool2d", {"kernel_size": 2, "return_indices": True}),
    ("pad_reflect", "pad", {"padding": 1, "mode": "reflect", "ndim": 2}),
    ("conv2d_groups2", "conv2d", {"groups": 2, "padding": 1}),
)


def standard() -> Iterator[tuple[str, Operator]]:
    """(file name, operator) for every operator of the catalogue, and a few configurations more."""
    for name in catalogue.names():
        yield name, catalogue.entry(name).make(**_arguments(name))
    for file, name, arguments in _EXTRA:
        yield file, catalogue.entry(name).make(**arguments)


def _arguments(name: str) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for parameter in catalogue.entry(name).signature.parameters.values():
        if parameter.name == "ndim" and parameter.default is None:
            found["ndim"] = _RANKS.get(name, _RANK)
    stem = name[:-2] if name.endswith(("1d", "2d", "3d")) else name
    if stem in _OUTPUTS:
        found |= {"output_size": _OUTPUTS[stem]}
    if name == "pad":
        found |= {"padding": 1, "value": 2}
    if stem in _WINDOWS:
        found |= {"kernel_size": _WINDOWS[stem]}
        if stem in ("max_pool", "min_pool"):
            found |= {"stride": 2, "padding": 1}
    return found
