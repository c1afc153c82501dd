"""Electoral systems: from votes to seats.

One registry. A system is an allocation rule applied at a level: in every constituency for its one seat, or to the
whole nation's votes for all seats. A rule is a pure function of one contest (`Contest`) on integers; the engine
maps it over constituencies or simulations. `describe` tells each in words. To add one: write the rule, name it in
`RULES`, and see `docs/adding-a-system.md`.

Exact counts of people's own ballots and votes are offered here, too; they live in `esim_jax.counts`, see
`docs/counts.md`.
"""

from esim_jax.counts.apportion import apportion
from esim_jax.counts.ballots import count_ballots
from esim_jax.counts.districts import apportion_districts
from esim_jax.counts.mixed import electoral_college, majority_bonus, mixed_member_proportional, parallel
from esim_jax.counts.profile import Profile
from esim_jax.counts.scores import ScoreBallots
from esim_jax.systems._base import THRESHOLD_UNIT, Contest, Rule, passes_threshold
from esim_jax.systems.allocate import allocate_seats
from esim_jax.systems.describing import describe
from esim_jax.systems.registry import PAIRWISE, RANKED, RULES, System, find_system

__all__ = [
    "PAIRWISE",
    "RANKED",
    "RULES",
    "THRESHOLD_UNIT",
    "Contest",
    "Profile",
    "Rule",
    "ScoreBallots",
    "System",
    "allocate_seats",
    "apportion",
    "apportion_districts",
    "count_ballots",
    "describe",
    "electoral_college",
    "find_system",
    "majority_bonus",
    "mixed_member_proportional",
    "parallel",
    "passes_threshold",
]
