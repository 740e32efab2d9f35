"""The private functions that an emitted module brings along when its text names them."""

from __future__ import annotations

from collections.abc import Collection

CACHE = 18                                      # log2 of the elements of a block of a product

HELPERS = {
    "matmul": '''
def _matmul(left, right):
    """left @ right; NumPy multiplies faster where a sum has a single term."""
    return left*right if left.shape[-1] == 1 else np.matmul(left, right)
''',
    "einsum": '''
def _einsum(subscripts, *factors):
    """np.einsum, summed in steps; no step may take an infinite factor out of a sum."""
    if all(np.isfinite(np.sum(factor)) for factor in factors):
        return np.einsum(subscripts, *factors, optimize=True)
    indices, result = subscripts.split("->")        # with a factor more NumPy takes none out
    return np.einsum(f"{indices},->{result}", *factors, factors[0].dtype.type(1))
''',
    "blocks": f'''
def _blocks(outer, inner, rest, depth, least):
    """Where blocks of two axes begin and end, for `rest` places behind each pair; at least one.

    A block has 2**{CACHE} elements, `depth` for each place, or else `least` places.
    """
    places = max(2**{CACHE} // max(depth, 1), least, 1)
    many = max(1, places // max(inner*rest, 1))
    parts = -(-inner // max(1, places // max(rest, 1)))
    length = max(1, -(-inner // max(parts, 1)))
    for n in range(0, max(outer, 1), many):
        for i in range(0, max(inner, 1), length):
            yield n, min(n + many, outer), i, min(i + length, inner)
''',
    "NoPoint": '''
class _NoPoint(ValueError):
    """Data leave a maximum or minimum without a point."""
''',
    "sigmoid": '''
def _sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, np.ones_like(small), small) / (1 + small)
''',
    "abs_power": '''
def _abs_power(x, exponent):
    """|x|**exponent; 0 at 0 for a negative exponent."""
    size = np.abs(x)
    if exponent >= 0:
        return size**exponent
    return np.where(size == 0, 0 * size, np.where(size == 0, 1, size)**exponent)
''',
    "signed_power": '''
def _signed_power(x, exponent):
    """The sign of x times |x|**exponent; 0 at 0 for every exponent."""
    size = np.where(x == 0, np.ones_like(x), np.abs(x))
    return np.sign(x) * size**exponent
''',
    "abs_slope": '''
def _abs_slope(x, at_zero):
    """The slope of |x|: -1, `at_zero` or 1; 0 at NaN."""
    slope = np.select([x > 0, x < 0, x == 0], [1.0, -1.0, at_zero], 0.0)
    return slope.astype(np.asarray(x).dtype)
''',
    "relu_slope": '''
def _relu_slope(x, at_zero):
    """The slope of max(x, 0): 0, `at_zero` or 1; 1 at NaN."""
    slope = np.select([x < 0, x == 0], [0.0, at_zero], 1.0)
    return slope.astype(np.asarray(x).dtype)
''',
    "maximum_share": '''
def _maximum_share(a, b, share):
    """The part of the slope of maximum(a, b) that a gets; the first NaN wins."""
    part = np.select([np.isnan(a) | (a > b), a == b], [1.0, share], 0.0)
    return part.astype(np.result_type(a, b))
''',
    "minimum_share": '''
def _minimum_share(a, b, share):
    """The part of the slope of minimum(a, b) that a gets; the first NaN wins."""
    part = np.select([np.isnan(a) | (a < b), a == b], [1.0, share], 0.0)
    return part.astype(np.result_type(a, b))
''',
    "same": '''
def _same(a, b):
    """1 where a = b or both are NaN, otherwise 0."""
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    return equal.astype(np.result_type(a, b))
''',
    "argmax_last": '''
def _argmax_last(values):
    """The place of the last maximum along the last axis, or of the first NaN."""
    first, turned = values.argmax(axis=-1), values[..., ::-1].argmax(axis=-1)
    return np.where(np.isnan(values.max(axis=-1)), first, values.shape[-1] - 1 - turned)
''',
    "argmin_last": '''
def _argmin_last(values):
    """The place of the last minimum along the last axis, or of the first NaN."""
    first, turned = values.argmin(axis=-1), values[..., ::-1].argmin(axis=-1)
    return np.where(np.isnan(values.min(axis=-1)), first, values.shape[-1] - 1 - turned)
''',
}


def helper_sources(used: Collection[str]) -> list[str]:
    """The definitions of the helpers among the names that are used, in a fixed order."""
    return [source.strip("\n") for name, source in HELPERS.items() if f"_{name}" in used]
