"""The infinite electorate: shares of votes without noise, which can be differentiated.

`vote_shares` and `turnout` are what an election's tend to as the electorate grows. They are smooth functions of the
numbers that move voters, so `jax.grad` tells what each of them is worth (see `examples/levers.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int, UInt

from esim_jax.config import PARAMETERS
from esim_jax.errors import InputError
from esim_jax.kinds import nearest
from esim_jax.model.law import CellLaw, cell_law
from esim_jax.model.scenario import Scenario
from esim_jax.parties import DEFAULT_PARTIES, Party
from esim_jax.ranking_types import RankingLaw, TypedBallots, typed_ballots

LEVERS = (
    "temperature",
    "alienation_threshold",
    "indifference_threshold",
    "economic_growth",
    "national_mood",
    "anti_incumbency",
)
"""Parameters of the model that move voters, one number each."""

PARTY_LEVERS = ("position_x", "position_y", "valence")
"""Properties of the parties that move voters, one number a party."""

ELECTORATE = 1 << 33
"""Voters of the pseudo-electorate by which `expected_tallies` expresses shares as whole numbers."""

WELFARE_UNIT = 1 << 20
"""Welfare in `expected_tallies` is a mean over voters times this."""

_BALLOT_BITS = 2  # of an electorate a quarter as large: the shares of Meek's method then fit 63 bits


def vote_shares(
    parameters: Mapping[str, Any] | None = None, parties: Sequence[Party] = DEFAULT_PARTIES
) -> Float[Any, " party"]:
    """The parties' shares of the votes cast by infinitely many voters, float64; sum 1.

    Accurate to 1e-6 at temperatures of at least 0.05 (see docs/engines.md). Differentiate it with `jax.grad` or
    `jax.jacobian` within `jax.enable_x64()`. The result is a NumPy array unless JAX follows the computation.

    Args:
        parameters: any of LEVERS (a number) and PARTY_LEVERS (one number a party); the rest as the model and the
            parties have it.
        parties: who stands, and who governs.

    Raises:
        InputError: a name is no lever, or a value has another shape.

    >>> print(vote_shares().round(4))
    [0.3566 0.333  0.3104]
    >>> with jax.enable_x64(True):
    ...     slope = jax.jacobian(lambda growth: vote_shares({"economic_growth": growth}))(0.02)
    >>> print(slope.round(3))  # a point of growth is worth about .65 of a point to the incumbent
    [ 0.648 -0.319 -0.33 ]
    """
    with jax.enable_x64(True):
        probability = _law(parameters or {}, parties).probability
        return _plain(probability / probability.sum())


def turnout(parameters: Mapping[str, Any] | None = None, parties: Sequence[Party] = DEFAULT_PARTIES) -> Any:
    """The share of infinitely many voters who vote, float64. Arguments and errors as of `vote_shares`.

    >>> print(f"{turnout():.4f}")
    0.7544
    >>> print(f"{turnout({'indifference_threshold': 0.0}):.4f}")
    0.8112
    """
    with jax.enable_x64(True):
        return _plain(_law(parameters or {}, parties).probability.sum())


def _plain(value: Array) -> Any:
    """A NumPy value, unless JAX is following the computation."""
    return value if isinstance(value, jax.core.Tracer) else np.asarray(value)[()]


def _law(parameters: Mapping[str, Any], parties: Sequence[Party]) -> CellLaw:
    known = (*LEVERS, *PARTY_LEVERS)
    for name in parameters:
        if name not in known:
            raise InputError(f"{name!r} is not a lever.{nearest(name, known)} Known are {', '.join(known)}.")

    def number(name: str) -> Array:
        value = jnp.asarray(parameters.get(name, PARAMETERS[name].default), jnp.float64)
        if value.shape:
            raise InputError(f"{name} has shape {value.shape}; it must be one number.")
        return value

    def numbers(name: str) -> Array:
        value = jnp.asarray(parameters.get(name, [getattr(party, name) for party in parties]), jnp.float64)
        if value.shape != (len(parties),):
            raise InputError(f"{name} has shape {value.shape}; it must be {len(parties)} numbers, one a party.")
        return value

    zero = np.uint32(0)
    return cell_law(
        Scenario(
            key_high=zero,
            key_low=zero,
            n_voters=np.int32(0),
            n_constituencies=np.int32(0),
            n_seats=np.int32(0),
            extra_seats=np.int32(0),
            **{name: number(name) for name in LEVERS},
            **{name: numbers(name) for name in PARTY_LEVERS},
            further=np.zeros((len(parties), 0)),
            incumbent=np.array([float(party.incumbent) for party in parties]),
            weight=np.ones(len(parties)),
            eligible=np.ones(len(parties), bool),
            unevenness=np.ones(len(parties)),
            welfare_scale=np.float64(1),
            exempt=np.zeros(len(parties), bool),
            in_base=np.ones(len(parties), bool),
            threshold=np.int64(0),
            district_threshold=np.int64(0),
            levelling_threshold=np.int64(0),
            waiver_seats=np.int32(0),
            ballot_length=np.int32(0),
            approves=np.bool_(False),
            approval_count=np.int32(0),
            system=np.int32(0),
            numbers=np.zeros(0),
        )
    )


def expected_tallies(
    scenarios: Scenario,
    simulation: Int[Array, " constituency"],
    number: UInt[Array, " constituency"],
    n_voters: Int[Array, " constituency"],
    law: CellLaw,
    configuration: Int[Array, " simulation"],
) -> tuple[Int[Array, "constituency party"], Int[Array, "simulation party"]]:
    """The tallies of a pseudo-electorate of ELECTORATE voters who vote exactly as expected, int64.

    Arguments as of `esim_jax.multinomial.draw_tallies`. A party's national votes are its probability times ELECTORATE,
    rounded; they are dealt to the constituencies as evenly as whole numbers can be. To compute turnout, divide by
    ELECTORATE. Welfare is the mean utility in units of 1 / (welfare_scale x 2^20).
    """
    where = configuration[simulation]
    votes = jnp.round(law.probability * ELECTORATE).astype(jnp.int64)[where]
    place = number.astype(jnp.int64)[:, None]
    parts = scenarios.n_constituencies.astype(jnp.int64)[simulation][:, None]
    local = votes * (place + 1) // parts - votes * place // parts
    rest = 1 - law.probability.sum(axis=-1, keepdims=True)
    options = jnp.concatenate([law.probability, rest], axis=-1)
    utility = (options[..., None] * law.mean).sum(axis=-2)[configuration]
    welfare = jnp.round(utility * (scenarios.welfare_scale.astype(jnp.float64)[:, None] * WELFARE_UNIT))
    return jnp.where(n_voters[:, None] > 0, local, 0), welfare.astype(jnp.int64)


def expected_ballots(
    simulation: Int[Array, " constituency"],
    votes: Int[Array, "constituency party"],
    law: RankingLaw,
    configuration: Int[Array, " simulation"],
) -> TypedBallots:
    """The ranked ballots of voters who rank exactly as expected, given their first preferences.

    Arguments as of `esim_jax.multinomial.draw_ballots`. The ballots are those of a pseudo-electorate of ELECTORATE / 4.
    The number of each type is rounded by itself, so that types with equal shares stay equal.
    """
    where = configuration[simulation]
    share = law.share[where]
    expected = votes[:, : share.shape[1], None].astype(jnp.float64) * share
    counts = jnp.round(expected / (1 << _BALLOT_BITS)).astype(jnp.int64)
    return typed_ballots(law.ballot[where], counts, votes.shape[1])
