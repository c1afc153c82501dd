"""What the metrics share: shares, and sums that are the same to the bit however many elections are stacked."""

from typing import Any

import numpy as np
from jax import lax
from jaxtyping import Float


def shares(counts: Any) -> Float[Any, "... party"]:
    """Counts divided by their sum along the last axis; 0 where the sum is 0."""
    counts, _, xp = numbers(counts, counts)
    total = counts.sum(axis=-1, keepdims=True)
    quotient = counts / xp.where(total > 0, total, 1)
    # kept apart from what follows: unrolled with it, many divisions by one number may become multiplications
    return quotient if xp is np else lax.optimization_barrier(quotient)


def sum_of_products(a: Any, b: Any) -> Any:
    """The sum over parties of a times b, the same to the bit however many elections are stacked.

    A compiler may fuse a product into the sum that takes it, which rounds once where two operations round twice, and
    it does so in one program and not in another: a row of a sweep would not replay exactly. Here every product is of
    two halves, exact, so that fusing changes nothing; and the parties are added in their order.
    """
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    parts = (a_high * b_high, a_high * b_low, a_low * b_high, a_low * b_low)
    sums = [part[..., 0] for part in parts]
    for party in range(1, a.shape[-1]):
        sums = [total + part[..., party] for total, part in zip(sums, parts, strict=True)]
    return sums[0] + (sums[1] + sums[2] + sums[3])


def sum_in_pairs(values: Any) -> Any:
    """The sum along the last axis, added in an order that its length alone decides; 0 where there is nothing.

    The first half is added to the second until one number is left: few operations for many constituencies.
    """
    length = 1 << max(values.shape[-1] - 1, 0).bit_length()
    xp = values.__array_namespace__()
    missing = xp.zeros((*values.shape[:-1], length - values.shape[-1]), values.dtype)
    values = xp.concatenate([values, missing], axis=-1)
    while length > 1:
        length //= 2
        values = values[..., :length] + values[..., length:]
    return values[..., 0]


def numbers(first: Any, second: Any) -> tuple[Any, Any, Any]:
    """Both as floating arrays, and the array module they belong to."""
    if not hasattr(first, "__array_namespace__"):
        first = np.asarray(first, float)
    xp = first.__array_namespace__()
    second = xp.asarray(second)
    real = xp.result_type(float) if xp is np else xp.asarray(0.0).dtype
    return first.astype(real), second.astype(real), xp


def ratio(numerator: Any, denominator: Any) -> Any:
    """The quotient, or 0 where the denominator is not above 0."""
    xp = denominator.__array_namespace__()
    quotient = numerator / xp.where(denominator > 0, denominator, 1)
    return xp.where(denominator > 0, quotient if xp is np else lax.optimization_barrier(quotient), 0.0)  # as in shares


def plain(value: Any) -> Any:
    """A Python float or bool for one election given in NumPy or lists, else the array."""
    return value.item() if isinstance(value, np.ndarray | np.generic) and value.ndim == 0 else value


def _halves(value: Any) -> tuple[Any, Any]:
    """Two numbers that sum to the value, each with half of its digits (Dekker, 1971, by masking instead)."""
    kind: Any
    kind, low_bits = (np.int64, 27) if value.dtype.itemsize == 8 else (np.int32, 12)
    mask = kind(-(1 << low_bits))
    if isinstance(value, np.ndarray):
        high = (value.view(kind) & mask).view(value.dtype)
    else:
        high = lax.bitcast_convert_type(lax.bitcast_convert_type(value, kind) & mask, value.dtype)
    return high, value - high
