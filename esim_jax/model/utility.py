"""Utility: what each party is worth to each voter.

U_ij = -||(x_i, y_i) - position_j|| + .01 valence_j + incumbent_j (w growth + mood - anti_incumbency)
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

GROWTH_WEIGHT = 1.4
"""w: utility per unit of growth.

One point of growth (0.01) then moves the incumbent's vote share in the default model by about .7 of a point, near the
two thirds that Fair estimates for presidential elections (Fair, R. C., 2009, "Presidential and Congressional
Vote-Share Equations", American Journal of Political Science 53(1), 55-72). A test measures it."""


def incumbency_effect(economic_growth: Any, national_mood: Any, anti_incumbency: Any) -> Any:
    """Utility that an incumbent gains: w growth + mood - anti_incumbency; any numeric type or array."""
    return GROWTH_WEIGHT * economic_growth + national_mood - anti_incumbency


def party_utility(
    x: Float[Array, "..."],
    y: Float[Array, "..."],
    position_x: Float[Array, "..."],
    position_y: Float[Array, "..."],
    appeal: Float[Array, "..."],
) -> Float[Array, "..."]:
    """One party's utility to each voter, float32.

    Args:
        x: voters' economic position.
        y: voters' social position.
        position_x: the party's.
        position_y: the party's.
        appeal: what the party is worth to all voters alike: valence and incumbency.
    """
    return appeal - jnp.sqrt((x - position_x) ** 2 + (y - position_y) ** 2)
