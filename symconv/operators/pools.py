"""The pools of the catalogue: one function for each reduction, for one to three spatial axes."""

from __future__ import annotations

from symconv.operator import Operator
from symconv.operators.arguments import Padding, PerAxis, Real
from symconv.operators.pooling import average, extremum, norm, pool, total
from symconv.operators.ranks import per_rank


def max_pool(ndim: int, kernel_size: PerAxis, stride: PerAxis | None = None,
             padding: Padding = 0, dilation: PerAxis = 1, ceil_mode: bool = False,
             ties: str = "first", return_indices: bool = False, input_dilation: PerAxis = 1,
             name: str | None = None) -> Operator:
    """The largest input under each window of {inputs}: x (N,C,{sizes})."""
    form = pool(f"max_pool{ndim}d", ndim, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return extremum(form, "max", ties, return_indices)


def min_pool(ndim: int, kernel_size: PerAxis, stride: PerAxis | None = None,
             padding: Padding = 0, dilation: PerAxis = 1, ceil_mode: bool = False,
             ties: str = "first", return_indices: bool = False, input_dilation: PerAxis = 1,
             name: str | None = None) -> Operator:
    """The smallest input under each window of {inputs}: x (N,C,{sizes})."""
    form = pool(f"min_pool{ndim}d", ndim, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return extremum(form, "min", ties, return_indices)


def avg_pool(ndim: int, kernel_size: PerAxis, stride: PerAxis | None = None,
             padding: Padding = 0, dilation: PerAxis = 1, ceil_mode: bool = False,
             count_include_pad: bool = True, divisor_override: Real | None = None,
             input_dilation: PerAxis = 1, name: str | None = None) -> Operator:
    """The mean of the inputs under each window of {inputs}: x (N,C,{sizes})."""
    form = pool(f"avg_pool{ndim}d", ndim, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return average(form, count_include_pad, divisor_override)


def sum_pool(ndim: int, kernel_size: PerAxis, stride: PerAxis | None = None,
             padding: Padding = 0, dilation: PerAxis = 1, ceil_mode: bool = False,
             input_dilation: PerAxis = 1, name: str | None = None) -> Operator:
    """The sum of the inputs under each window of {inputs}: x (N,C,{sizes})."""
    return total(pool(f"sum_pool{ndim}d", ndim, kernel_size, stride, padding, dilation, ceil_mode,
                      input_dilation, name))


def lp_pool(ndim: int, kernel_size: PerAxis, stride: PerAxis | None = None,
            padding: Padding = 0, dilation: PerAxis = 1, ceil_mode: bool = False,
            norm_type: Real = 2, input_dilation: PerAxis = 1,
            name: str | None = None) -> Operator:
    """The norm (sum |x|^p)^(1/p) of the inputs under each window of {inputs}: x (N,C,{sizes})."""
    return norm(pool(f"lp_pool{ndim}d", ndim, kernel_size, stride, padding, dilation, ceil_mode,
                     input_dilation, name), norm_type)


max_pool1d, max_pool2d, max_pool3d = per_rank(max_pool)
min_pool1d, min_pool2d, min_pool3d = per_rank(min_pool)
avg_pool1d, avg_pool2d, avg_pool3d = per_rank(avg_pool)
sum_pool1d, sum_pool2d, sum_pool3d = per_rank(sum_pool)
lp_pool1d, lp_pool2d, lp_pool3d = per_rank(lp_pool)
