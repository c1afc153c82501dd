"""Thresholds: with what share of the votes a party wins a seat, from the size of the constituencies alone.

Shares lie between 0 and 1, like the model's `threshold`. Magnitudes and numbers may be arrays; means of several
constituencies will do.
"""

from typing import Any

from esim_jax.errors import InputError
from esim_jax.metrics._arrays import numbers, plain


def effective_threshold(magnitude: Any, legal: Any = 0.0) -> Any:
    """Effective threshold: the share of the votes that keeps small parties out, by magnitude or by law.

        max(0.75 / (M + 1), legal threshold)

    With 0.75 / (M + 1) of a constituency's votes a party has an even chance of a seat; a legal threshold counts where
    it is higher. (Lijphart, A., 1994, Electoral Systems and Party Systems, Oxford University Press, chapter 2; the
    formula as in Lijphart, A., 1997, "The difficult science of electoral systems: a commentary on the critique by
    Alberto Penades", Electoral Studies 16(1), 73-77.)

    Args:
        magnitude: M, the seats of the constituency.
        legal: share of the votes that the law asks for; of a shape that goes with it.

    Returns:
        A float, or an array; 1 where there are no seats.

    >>> effective_threshold(4), effective_threshold(150, 0.05)
    (0.15, 0.05)
    """
    M, legal, xp = numbers(magnitude, legal)
    return plain(xp.where(M > 0, xp.maximum(0.75 / (M + 1), legal), 1.0))


def nationwide_threshold(magnitude: Any, n_constituencies: Any) -> Any:
    """Taagepera's nationwide threshold: with this share of the nation's votes a party has an even chance of a seat.

        0.75 / ((M + 1) sqrt(E))

    (Taagepera, R., 2002, "Nationwide threshold of representation", Electoral Studies 21(3), 383-401.)

    Args:
        magnitude: M, the mean number of seats of a constituency.
        n_constituencies: E, of a shape that goes with it.

    Returns:
        A float, or an array; 1 where there are no seats.

    >>> nationwide_threshold(4, 25)
    0.03
    """
    M, E, xp = numbers(magnitude, n_constituencies)
    some = (M > 0) & (E > 0)
    return plain(xp.where(some, 0.75 / ((M + 1) * xp.sqrt(xp.where(some, E, 1))), 1.0))


def inclusion_threshold(magnitude: Any, n_parties: Any, method: str = "dhondt") -> Any:
    """The natural threshold from below: with less than this share of a constituency's votes no party wins a seat.

        1 / (M + n - 1) for d'Hondt, 1 / (2 M + n - 2) for Sainte-Lague, 1 / (M n) for Hare

    (Lijphart, A. & Gibberd, R. W., 1977, "Thresholds and payoffs in list systems of proportional representation",
    European Journal of Political Research 5(3), 219-244; after Rokkan, S., 1968, and Rae, D., Hanby, V. & Loosemore,
    J., 1971.)

    Args:
        magnitude: M, the seats of the constituency.
        n_parties: n, of those that stand there; of a shape that goes with it.
        method: "dhondt", "sainte_lague" or "hare".

    Returns:
        A float, or an array; 1 where there is no seat or no party.

    Raises:
        InputError: the method is unknown.

    >>> inclusion_threshold(4, 5), inclusion_threshold(4, 5, "hare")
    (0.125, 0.05)
    """
    M, n, xp = numbers(magnitude, n_parties)
    some = (M >= 1) & (n >= 1)
    M, n = xp.where(some, M, 1), xp.where(some, n, 1)
    votes = {"dhondt": M + n - 1, "sainte_lague": 2 * M + n - 2, "hare": M * n}
    return plain(xp.where(some, 1 / _of_method(votes, method), 1.0))


def exclusion_threshold(magnitude: Any, n_parties: Any, method: str = "dhondt") -> Any:
    """The natural threshold from above: with more than this share of a constituency's votes a party surely wins a seat.

        1 / (M + 1) for d'Hondt, 1 / (2 M - k + 1) for Sainte-Lague, k / ((k + 1) M) for Hare,   k = min(n - 1, M)

    (Lijphart & Gibberd, 1977, as above.)

    Args:
        magnitude: M, the seats of the constituency.
        n_parties: n, of those that stand there; of a shape that goes with it.
        method: "dhondt", "sainte_lague" or "hare".

    Returns:
        A float, or an array; 1 where there is no seat or no party.

    Raises:
        InputError: the method is unknown.

    >>> exclusion_threshold(4, 5), exclusion_threshold(4, 3, "sainte_lague")
    (0.2, 0.14285714285714285)
    """
    M, n, xp = numbers(magnitude, n_parties)
    some = (M >= 1) & (n >= 1)
    M, n = xp.where(some, M, 1), xp.where(some, n, 1)
    k = xp.minimum(n - 1, M)
    share = {"dhondt": 1 / (M + 1), "sainte_lague": 1 / (2 * M - k + 1), "hare": k / ((k + 1) * M)}
    return plain(xp.where(some, _of_method(share, method), 1.0))


def _of_method(values: dict[str, Any], method: str) -> Any:
    if method not in values:
        raise InputError(f"method = {method!r} is unknown: it must be one of {', '.join(values)}.")
    return values[method]
