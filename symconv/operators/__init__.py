"""The catalogue: every operator is a definition in the language plus a check of parameters.

`sc.ops.conv2d(stride=2)` returns an `Operator`. Nothing here knows of gradients or kernels.
"""

from __future__ import annotations

from symconv.operators.adaptive import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    global_avg_pool,
    global_max_pool,
)
from symconv.operators.columns import fold, unfold
from symconv.operators.convolution import conv1d, conv1x1, conv2d, conv3d
from symconv.operators.elementwise import (
    abs,
    add,
    exp,
    leaky_relu,
    log,
    maximum,
    minimum,
    mul,
    relu,
    sigmoid,
    sqrt,
    tanh,
)
from symconv.operators.joining import concat
from symconv.operators.linear import dot, flatten, linear
from symconv.operators.normalisation import batch_norm, softmax_cross_entropy
from symconv.operators.padded import pad
from symconv.operators.pools import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    min_pool1d,
    min_pool2d,
    min_pool3d,
    sum_pool1d,
    sum_pool2d,
    sum_pool3d,
)
from symconv.operators.reduction import reduce_max, reduce_mean, reduce_min, reduce_sum
from symconv.operators.signals import convolve, correlate
from symconv.operators.transposed import (
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from symconv.operators.unpooling import max_unpool1d, max_unpool2d, max_unpool3d

__all__ = [
    "abs", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "add", "avg_pool1d",
    "avg_pool2d", "avg_pool3d", "batch_norm", "concat", "conv1d", "conv1x1", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolve", "correlate", "dot",
    "exp", "flatten", "fold", "global_avg_pool", "global_max_pool", "leaky_relu", "linear",
    "log", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
    "max_unpool1d", "max_unpool2d", "max_unpool3d", "maximum", "min_pool1d", "min_pool2d",
    "min_pool3d", "minimum", "mul", "pad", "reduce_max", "reduce_mean", "reduce_min",
    "reduce_sum", "relu", "sigmoid", "softmax_cross_entropy", "sqrt", "sum_pool1d",
    "sum_pool2d", "sum_pool3d", "tanh", "unfold",
]
