"""The pools of the catalogue, one function for each reduction and number of spatial axes."""

from __future__ import annotations

from symconv.operator import Operator
from symconv.operators.arguments import Padding, PerAxis, Real
from symconv.operators.pooling import average, extremum, norm, pool, total


def max_pool1d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, ties: str = "first",
               return_indices: bool = False, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The largest input under each window of sequences: x (N,C,H)."""
    form = pool("max_pool1d", 1, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return extremum(form, "max", ties, return_indices)


def max_pool2d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, ties: str = "first",
               return_indices: bool = False, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The largest input under each window of images: x (N,C,H,W)."""
    form = pool("max_pool2d", 2, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return extremum(form, "max", ties, return_indices)


def max_pool3d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, ties: str = "first",
               return_indices: bool = False, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The largest input under each window of volumes: x (N,C,D,H,W)."""
    form = pool("max_pool3d", 3, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return extremum(form, "max", ties, return_indices)


def min_pool1d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, ties: str = "first",
               return_indices: bool = False, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The smallest input under each window of sequences: x (N,C,H)."""
    form = pool("min_pool1d", 1, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return extremum(form, "min", ties, return_indices)


def min_pool2d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, ties: str = "first",
               return_indices: bool = False, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The smallest input under each window of images: x (N,C,H,W)."""
    form = pool("min_pool2d", 2, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return extremum(form, "min", ties, return_indices)


def min_pool3d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, ties: str = "first",
               return_indices: bool = False, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The smallest input under each window of volumes: x (N,C,D,H,W)."""
    form = pool("min_pool3d", 3, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return extremum(form, "min", ties, return_indices)


def avg_pool1d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Real | None = None, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The mean of the inputs under each window of sequences: x (N,C,H)."""
    form = pool("avg_pool1d", 1, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return average(form, count_include_pad, divisor_override)


def avg_pool2d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Real | None = None, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The mean of the inputs under each window of images: x (N,C,H,W)."""
    form = pool("avg_pool2d", 2, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return average(form, count_include_pad, divisor_override)


def avg_pool3d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Real | None = None, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The mean of the inputs under each window of volumes: x (N,C,D,H,W)."""
    form = pool("avg_pool3d", 3, kernel_size, stride, padding, dilation, ceil_mode,
                input_dilation, name)
    return average(form, count_include_pad, divisor_override)


def sum_pool1d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The sum of the inputs under each window of sequences: x (N,C,H)."""
    return total(pool("sum_pool1d", 1, kernel_size, stride, padding, dilation, ceil_mode,
                      input_dilation, name))


def sum_pool2d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The sum of the inputs under each window of images: x (N,C,H,W)."""
    return total(pool("sum_pool2d", 2, kernel_size, stride, padding, dilation, ceil_mode,
                      input_dilation, name))


def sum_pool3d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, input_dilation: PerAxis = 1,
               name: str | None = None) -> Operator:
    """The sum of the inputs under each window of volumes: x (N,C,D,H,W)."""
    return total(pool("sum_pool3d", 3, kernel_size, stride, padding, dilation, ceil_mode,
                      input_dilation, name))


def lp_pool1d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
             dilation: PerAxis = 1, ceil_mode: bool = False, norm_type: Real = 2,
             input_dilation: PerAxis = 1, name: str | None = None) -> Operator:
    """The norm (sum |x|^p)^(1/p) of the inputs under each window of sequences: x (N,C,H)."""
    return norm(pool("lp_pool1d", 1, kernel_size, stride, padding, dilation, ceil_mode,
                     input_dilation, name), norm_type)


def lp_pool2d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
             dilation: PerAxis = 1, ceil_mode: bool = False, norm_type: Real = 2,
             input_dilation: PerAxis = 1, name: str | None = None) -> Operator:
    """The norm (sum |x|^p)^(1/p) of the inputs under each window of images: x (N,C,H,W)."""
    return norm(pool("lp_pool2d", 2, kernel_size, stride, padding, dilation, ceil_mode,
                     input_dilation, name), norm_type)


def lp_pool3d(kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
             dilation: PerAxis = 1, ceil_mode: bool = False, norm_type: Real = 2,
             input_dilation: PerAxis = 1, name: str | None = None) -> Operator:
    """The norm (sum |x|^p)^(1/p) of the inputs under each window of volumes: x (N,C,D,H,W)."""
    return norm(pool("lp_pool3d", 3, kernel_size, stride, padding, dilation, ceil_mode,
                     input_dilation, name), norm_type)
