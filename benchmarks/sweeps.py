"""The sweeps that are measured, as both packages take them."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Self


@dataclass(frozen=True)
class Sweep:
    """A sweep; `options` are arguments of our runner that the peer's doesn't have."""

    parameters: dict[str, list[Any]]
    fixed_params: dict[str, Any] = field(default_factory=dict)
    n_runs_per_config: int = 1
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def simulations(self) -> int:
        """The number of elections."""
        return self.n_runs_per_config * math.prod(map(len, self.parameters.values()))

    @property
    def voters(self) -> int:
        """The voters of all elections."""
        sizes: list[int] = self.parameters.get("n_voters") or [self.fixed_params["n_voters"]]
        return sum(sizes) * self.simulations // len(sizes)

    def runs(self, n: int) -> Self:
        """The same with another number of runs of each configuration."""
        return replace(self, n_runs_per_config=n)

    def fixed(self, **values: Any) -> Self:
        """The same with other fixed parameters."""
        return replace(self, fixed_params={**self.fixed_params, **values})

    def with_options(self, **options: Any) -> Self:
        """The same for our runner with other arguments."""
        return replace(self, options={**self.options, **options})


BASIC = Sweep({"n_voters": [10_000, 50_000], "temperature": [0.3, 0.5, 0.7]}, n_runs_per_config=10)
"""The specification's first example."""

SENSITIVITY = Sweep(
    {"temperature": [0.1, 0.3, 0.5, 0.7, 0.9], "economic_growth": [-0.05, -0.02, 0.0, 0.02, 0.05]},
    {"n_voters": 50_000, "n_constituencies": 20},
    n_runs_per_config=20,
)
"""The specification's second example."""

NATIONAL = Sweep({"temperature": [0.5]}, {"n_voters": 1_000_000, "n_constituencies": 543})
"""Elections of the size of a large country's parliament."""


def sized(simulations: int, n_voters: int, n_parties: int = 3, n_constituencies: int = 10, **fixed: Any) -> Sweep:
    """A sweep over one configuration, with parties on a circle."""
    angles = [2 * math.pi * i / n_parties for i in range(n_parties)]
    parties = [
        {
            "name": f"Party {i + 1}",
            "position_x": 0.4 * math.cos(angle),
            "position_y": 0.4 * math.sin(angle),
            "incumbent": i == 0,
        }
        for i, angle in enumerate(angles)
    ]
    all_fixed = {"n_voters": n_voters, "n_constituencies": n_constituencies, "parties": parties, **fixed}
    return Sweep({"temperature": [0.5]}, all_fixed, simulations)
