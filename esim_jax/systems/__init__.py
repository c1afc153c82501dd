"""Electoral systems: from votes to seats.

One registry. A system is an allocation rule applied at a level: in every constituency for its one seat, or to the
whole nation's votes for all seats. A rule is a pure function of one contest (`Contest`) on integers; the engine
maps it over constituencies or simulations. To add one: write the rule, name it in `RULES`, and see
`docs/adding-a-system.md`.
"""

from esim_jax.systems._base import THRESHOLD_UNIT, Contest, Rule, passes_threshold
from esim_jax.systems.allocate import allocate_seats
from esim_jax.systems.registry import RULES, System, find_system

__all__ = [
    "RULES",
    "THRESHOLD_UNIT",
    "Contest",
    "Rule",
    "System",
    "allocate_seats",
    "find_system",
    "passes_threshold",
]
