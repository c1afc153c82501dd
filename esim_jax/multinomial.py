"""Tallies drawn as a whole: the multinomial engine.

Voters are independent draws from one law, so that the votes of a constituency are exactly multinomial, and a tally
costs the same for a thousand voters as for a billion. Given the votes, the electorate's welfare is the sum of as many
independent utilities of each kind of voter; it is drawn from the normal law with the mean and the covariance of that
sum, the only approximation of this engine. Given the votes, the ranked ballots are multinomial again, by type among the
voters of each first preference.

From the law on, everything but the acceptance of binomial proposals is integer arithmetic or single correctly rounded
operations, and proposals are judged by one program of fixed shape: a simulation's tally is the same to the bit in any
batch.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, UInt

from esim_jax.model.binomial import ATTEMPTS, UNITS, draw_multinomial
from esim_jax.model.law import CellLaw
from esim_jax.model.normal import NORMAL_UNIT, normal_units
from esim_jax.model.scenario import Scenario
from esim_jax.random import ORDER_DRAWS, WELFARE_DRAWS, random_words
from esim_jax.ranking_types import MOST_TYPES, RankingLaw, TypedBallots, typed_ballots

_MEAN_UNIT = 1 << 8  # mean utilities keep so many parts of a unit of 1 / welfare_scale: 2^31 x 2^23 x 2^8 fits int64
_FACTOR_UNIT = 1 << 6  # factors: 256 parties x 2^23 x 2^6 x the largest normal number fits int64


def draw_tallies(
    scenarios: Scenario,
    simulation: Int[Array, " constituency"],
    number: UInt[Array, " constituency"],
    n_voters: Int[Array, " constituency"],
    law: CellLaw,
    configuration: Int[Array, " simulation"],
) -> tuple[Int[Array, "constituency party"], Int[Array, "simulation party"]]:
    """Votes by constituency and welfare by simulation, int64, as `esim_jax.tally.tally_rows` returns them.

    Call it within `jax.enable_x64()`; it can be part of a compiled function.

    Args:
        scenarios: of each simulation: its key and its welfare_scale are used.
        simulation: place of each constituency's simulation.
        number: uint32; of the constituency within its simulation.
        n_voters: of the constituency; 0 for a surplus place.
        law: stacked over configurations.
        configuration: place of each simulation's law.
    """
    n_parties = law.probability.shape[-1]
    key = (scenarios.key_high[simulation], scenarios.key_low[simulation])
    counts = draw_multinomial(key, number, n_voters.astype(jnp.int64), law.probability[configuration[simulation]])
    national = jax.ops.segment_sum(counts, simulation, len(configuration))
    return counts[:, :n_parties], _draw_welfare(scenarios, national, law, configuration)


def draw_ballots(
    scenarios: Scenario,
    simulation: Int[Array, " constituency"],
    number: UInt[Array, " constituency"],
    votes: Int[Array, "constituency party"],
    law: RankingLaw,
    configuration: Int[Array, " simulation"],
) -> TypedBallots:
    """The ranked ballots of constituencies whose first preferences are counted.

    Arguments as of `draw_tallies`, and `votes` as it returns them.
    """
    n_constituencies, n_parties = votes.shape
    _, n_options, n_types = law.share.shape
    units = jnp.round(law.share * UNITS).astype(jnp.int64)
    # rounded shares must not leave a voter over: what is missing goes to the largest
    missing = UNITS - units.sum(axis=-1, keepdims=True)
    units = units + missing * (jnp.argmax(units, axis=-1, keepdims=True) == jnp.arange(n_types))
    probability = (units.astype(jnp.float64) / UNITS)[configuration[simulation], :, : n_types - 1]

    def lanes(values: Array) -> Array:
        return jnp.repeat(values, n_options)

    draw = np.uint32(ORDER_DRAWS) + np.uint32(2 * ATTEMPTS * MOST_TYPES) * np.arange(n_options, dtype=np.uint32)
    counts = draw_multinomial(
        (lanes(scenarios.key_high[simulation]), lanes(scenarios.key_low[simulation])),
        lanes(number),
        votes[:, :n_options].reshape(-1),
        probability.reshape(-1, n_types - 1),
        draw=jnp.tile(draw, n_constituencies),
    )
    return typed_ballots(
        law.ballot[configuration[simulation]], counts.reshape(n_constituencies, n_options, n_types), n_parties
    )


def _draw_welfare(
    scenarios: Scenario, counts: Int[Array, "simulation option"], law: CellLaw, configuration: Int[Array, " simulation"]
) -> Int[Array, "simulation party"]:
    """The sum over options c of n_c mean_c + sqrt(n_c) factor_c z_c, in units of 1 / welfare_scale."""
    n_options, n_parties = law.mean.shape[-2:]
    scale = scenarios.welfare_scale.astype(jnp.float64)[:, None]
    nothing = jnp.zeros((len(configuration), n_parties), jnp.int64)
    # numbered by the election's own options, however long the lists of other elections are; the last is to abstain
    own = scenarios.weight.astype(jnp.int32).sum(axis=-1)

    def units(values: Float[Array, "simulation party"], unit: int) -> Int[Array, "simulation party"]:
        return jnp.round(values * scale * unit).astype(jnp.int64)

    def add_option(option: Array, total: Array) -> Array:
        n = counts[:, option, None]
        root = jnp.sqrt(n.astype(jnp.float64))
        spread = lax.fori_loop(0, n_parties, partial(add_normal, option), nothing)
        noise = jnp.round(root * spread.astype(jnp.float64) * np.float64(_MEAN_UNIT / (NORMAL_UNIT * _FACTOR_UNIT)))
        return total + n * units(law.mean[configuration, option], _MEAN_UNIT) + noise.astype(jnp.int64)

    def add_normal(option: Array, party: Array, total: Array) -> Array:
        number = jnp.where(option == n_options - 1, own, option)
        index = (number * own + party).astype(jnp.uint32)
        word, _ = random_words((scenarios.key_high, scenarios.key_low), index, WELFARE_DRAWS)
        factor = law.factor[configuration, option, :, party]
        return total + normal_units(word)[:, None] * units(factor, _FACTOR_UNIT)

    total = lax.fori_loop(0, n_options, add_option, nothing)
    return (total + _MEAN_UNIT // 2) >> (_MEAN_UNIT.bit_length() - 1)
