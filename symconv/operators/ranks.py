"""One function of the number of spatial axes becomes the operators for one, two and three."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeAlias

from symconv.operator import Operator
from symconv.operators.window import SPATIAL, kernel_names

_P = ParamSpec("_P")
_Three: TypeAlias = tuple[Callable[_P, Operator], Callable[_P, Operator], Callable[_P, Operator]]
_INPUTS = {1: "sequences", 2: "images", 3: "volumes"}


def per_rank(make: Callable[Concatenate[int, _P], Operator]) -> _Three[_P]:
    """conv1d, conv2d and conv3d of `conv`, whose first argument is the number of axes.

    Each has its own name, the signature without that argument, and the summary, in which
    {inputs}, {sizes} and {taps} stand for sequences, H and K, for images, H,W and KH,KW ...
    """
    return _ranked(make, 1), _ranked(make, 2), _ranked(make, 3)


def _ranked(make: Callable[Concatenate[int, _P], Operator], ndim: int) -> Callable[_P, Operator]:
    def ranked(*given: _P.args, **named: _P.kwargs) -> Operator:
        return make(ndim, *given, **named)

    signature = inspect.signature(make)
    _, *parameters = signature.parameters.values()
    ranked.__name__ = ranked.__qualname__ = f"{make.__name__}{ndim}d"
    ranked.__module__ = make.__module__
    ranked.__doc__ = (make.__doc__ or "").format(
        inputs=_INPUTS[ndim], sizes=",".join(SPATIAL[ndim]), taps=",".join(kernel_names(ndim)))
    vars(ranked)["__signature__"] = signature.replace(parameters=parameters)
    return ranked
