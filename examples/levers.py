"""Which lever moves the government's share of the votes most?

Derivatives of the shares of an infinite electorate, by automatic differentiation: one backward pass gives the slope for
every lever at once. Each slope is multiplied by a step that is usual for its lever, so that they compare. Run it with
`python examples/levers.py`.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from esim_jax import Party
from esim_jax.limit import vote_shares

PARTIES = [
    Party("Government", position_x=-0.3, position_y=0.1, incumbent=True),
    Party("Opposition", position_x=0.3, position_y=-0.1),
    Party("Challenger", position_x=0.0, position_y=0.3, valence=45),
]
LEVERS = {
    "economic_growth": 0.02,
    "national_mood": 0.0,
    "anti_incumbency": 0.0,
    "temperature": 0.2,
    "alienation_threshold": 0.2,
    "indifference_threshold": 0.3,
    "position_x": [party.position_x for party in PARTIES],
    "position_y": [party.position_y for party in PARTIES],
    "valence": [party.valence for party in PARTIES],
}
STEPS = {
    "economic_growth": 0.01,
    "national_mood": 0.05,
    "anti_incumbency": 0.05,
    "temperature": 0.05,
    "alienation_threshold": 0.05,
    "indifference_threshold": 0.05,
    "position_x": 0.05,
    "position_y": 0.05,
    "valence": 1.0,
}


def government_share(levers: dict[str, Any]) -> Any:
    return vote_shares(levers, PARTIES)[0]


def main() -> None:
    with jax.enable_x64(True):
        levers = {name: jnp.asarray(value, jnp.float64) for name, value in LEVERS.items()}
        share, slopes = jax.value_and_grad(government_share)(levers)
        moved = {**levers, "economic_growth": levers["economic_growth"] + STEPS["economic_growth"]}
        gain = float(government_share(moved) - share)

    effects = []
    for name, slope in slopes.items():
        points = 100 * STEPS[name] * np.atleast_1d(slope)
        owners = [f" of {party.name}" for party in PARTIES] if len(points) > 1 else [""]
        effects += [(float(p), f"{name}{owner}", STEPS[name]) for p, owner in zip(points, owners, strict=True)]

    print(f"The government has {100 * float(share):.2f} % of the votes.")
    print(f"{'lever':<30}{'step':>6}  percentage points")
    for effect, lever, step in sorted(effects, key=lambda row: -abs(row[0])):
        print(f"{lever:<30}{step:>6}  {effect:+.3f}")
    print(f"A step of economic_growth, computed anew: {100 * gain:+.3f} percentage points.")


if __name__ == "__main__":
    main()
