"""Metrics: numbers about one election's outcome.

The functions take NumPy or JAX arrays; parties lie along the last axis, so that stacks of elections work too. They
compute in the precision of their input (double for NumPy's), and are defined where nothing was cast, never NaN.
Indices of disproportionality lie on Gallagher's scale from 0 to 100; shares, gaps and thresholds are shares of 1.
"""

from esim_jax.metrics._arrays import shares
from esim_jax.metrics.concentration import (
    effective_number_of_parties,
    golosov_number_of_parties,
    herfindahl_hirschman_index,
    largest_share,
)
from esim_jax.metrics.disproportionality import (
    dhondt_index,
    gallagher_index,
    loosemore_hanby_index,
    rae_index,
    sainte_lague_index,
)
from esim_jax.metrics.majority import manufactured_majority, wrong_winner
from esim_jax.metrics.satisfaction import voter_satisfaction_efficiency
from esim_jax.metrics.swing import mean_median_difference, partisan_bias, responsiveness, seats_votes_curve
from esim_jax.metrics.threshold import (
    effective_threshold,
    exclusion_threshold,
    inclusion_threshold,
    nationwide_threshold,
)
from esim_jax.metrics.wasted import efficiency_gap, efficiency_gaps, wasted_votes

__all__ = [
    "dhondt_index",
    "effective_number_of_parties",
    "effective_threshold",
    "efficiency_gap",
    "efficiency_gaps",
    "exclusion_threshold",
    "gallagher_index",
    "golosov_number_of_parties",
    "herfindahl_hirschman_index",
    "inclusion_threshold",
    "largest_share",
    "loosemore_hanby_index",
    "manufactured_majority",
    "mean_median_difference",
    "nationwide_threshold",
    "partisan_bias",
    "rae_index",
    "responsiveness",
    "sainte_lague_index",
    "seats_votes_curve",
    "shares",
    "voter_satisfaction_efficiency",
    "wasted_votes",
    "wrong_winner",
]
