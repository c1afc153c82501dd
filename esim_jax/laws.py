"""The voters' laws of a sweep's configurations, each computed when a chunk first asks for it."""

import jax
import numpy as np
from jaxtyping import Int

from esim_jax.model.law import CellLaw, cell_laws
from esim_jax.model.scenario import Scenario
from esim_jax.rows import power_of_two


class Laws:
    """Remembers the laws of configurations.

    Args:
        scenarios: stacked over the configurations.
    """

    def __init__(self, scenarios: Scenario) -> None:
        self._scenarios = scenarios
        self._known: dict[int, CellLaw] = {}

    def of(
        self, configuration: Int[np.ndarray, " simulation"], length: int
    ) -> tuple[CellLaw, Int[np.ndarray, " length"]]:
        """The laws of a chunk, stacked, and the place of each simulation's law among them.

        Args:
            configuration: each simulation's configuration.
            length: of the places; those beyond the simulations are 0.

        Returns:
            As many laws as a power of two: surplus ones repeat the last, so that few shapes are compiled.
        """
        wanted, place = np.unique(configuration, return_inverse=True)
        unknown = [int(c) for c in wanted if int(c) not in self._known]
        if unknown:
            padded = np.resize(unknown, power_of_two(len(unknown)))
            computed = jax.device_get(cell_laws(Scenario(*(field[padded] for field in self._scenarios))))
            self._known |= {c: jax.tree.map(lambda field, i=i: field[i], computed) for i, c in enumerate(unknown)}
        laws = [self._known[int(c)] for c in wanted]
        laws += laws[-1:] * (power_of_two(len(laws)) - len(laws))
        places = np.zeros(length, np.int32)
        places[: len(place)] = place
        return jax.tree.map(lambda *fields: np.stack(fields), *laws), places
