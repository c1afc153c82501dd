"""The voters' laws of a sweep's configurations, each computed when a chunk first asks for it."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Int

from esim_jax.model.law import CellLaw, cell_laws
from esim_jax.model.scenario import Scenario
from esim_jax.ranking_types import RankingLaw, ballot_types, ranking_law, rules_of
from esim_jax.rows import power_of_two


class VoterLaw(NamedTuple):
    """What is known of one voter; stacked over configurations it has a leading axis."""

    choice: CellLaw  # of a party
    ranking: RankingLaw | None  # where rankings are counted


class Laws:
    """Remembers the laws of configurations.

    Args:
        scenarios: stacked over the configurations.
        ranked: which of them have rankings; by default none.
    """

    def __init__(self, scenarios: Scenario, ranked: Bool[np.ndarray, " configuration"] | None = None) -> None:
        self._scenarios = scenarios
        self._known: dict[int, VoterLaw] = {}
        rules = {rules_of(_one(scenarios, int(c))) for c in np.flatnonzero(ranked)} if ranked is not None else ()
        self._ranked = bool(rules)
        self._n_options = max((one.n_options for one in rules), default=0)
        # two at least, so that there is something to draw
        self._n_types = max((2, *(len(ballots) for one in rules for ballots in ballot_types(one)[0])))

    def of(
        self, configuration: Int[np.ndarray, " simulation"], length: int
    ) -> tuple[VoterLaw, Int[np.ndarray, " length"]]:
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
            computed = jax.device_get(cell_laws(_one(self._scenarios, padded)))
            for i, c in enumerate(unknown):
                choice = jax.tree.map(lambda field, i=i: field[i], computed)
                self._known[c] = VoterLaw(choice, self._rank(c) if self._ranked else None)
        laws = [self._known[int(c)] for c in wanted]
        laws += laws[-1:] * (power_of_two(len(laws)) - len(laws))
        places = np.zeros(length, np.int32)
        places[: len(place)] = place
        return jax.tree.map(lambda *fields: np.stack(fields), *laws), places

    def _rank(self, configuration: int) -> RankingLaw:
        """Cut to the size of the longest: one after another, so that memory does not grow with their number."""
        law = ranking_law(_one(self._scenarios, configuration))
        return RankingLaw(*(field[: self._n_options, : self._n_types] for field in law))


def _one(scenarios: Scenario, configuration: int | Int[np.ndarray, " one"]) -> Scenario:
    return Scenario(*(field[configuration] for field in scenarios))
