"""Appeal: what a party is worth to all voters alike.

appeal_j = .01 valence_j + incumbent_j (w growth + mood - anti_incumbency)
"""

from typing import Any

GROWTH_WEIGHT = 1.4
"""w: utility per unit of growth.

One point of growth (0.01) then moves the incumbent's vote share in the default model by about .7 of a point, near the
two thirds that Fair estimates for presidential elections (Fair, R. C., 2009, "Presidential and Congressional
Vote-Share Equations", American Journal of Political Science 53(1), 55-72). A test measures it."""


def incumbency_effect(economic_growth: Any, national_mood: Any, anti_incumbency: Any) -> Any:
    """Utility that an incumbent gains: w growth + mood - anti_incumbency; any numeric type or array."""
    return GROWTH_WEIGHT * economic_growth + national_mood - anti_incumbency
