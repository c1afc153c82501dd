"""What a preset is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A country's lower house, and the election behind its parties.

    Attributes:
        name: by which it is asked for; its file is `data/NAME.toml`.
        country: in English.
        house: as the country calls it.
        year: of the rules, and of the election behind the parties.
        seats: of the whole house, but for those by which it may grow.
        sources: laws and official results, each with a year.
        not_modelled: what the model leaves out or does otherwise than the law, in sentences.
        positions: where the positions of the parties come from.
        districts: seats by the name of the constituency; empty where these are all alike or there is but one.
        vote_shares: per cent of the votes in that election as published, by party. The valences are fitted to them.
        parameters: those that the preset sets, in their canonical types; all others have their defaults.
        seats_left_out: seats of the house that the model does not fill.
        seats_won: in that election, by party; empty where the file does not tell.
        single_seats_won: of them, those of single-member constituencies, where there are others too; else empty.
    """

    name: str
    country: str
    house: str
    year: int
    seats: int
    sources: tuple[str, ...]
    not_modelled: tuple[str, ...]
    positions: str
    districts: Mapping[str, int]
    vote_shares: Mapping[str, float]
    parameters: Mapping[str, Any]
    seats_left_out: int = 0
    seats_won: Mapping[str, int] = field(default_factory=dict)
    single_seats_won: Mapping[str, int] = field(default_factory=dict)

    def parameters_beside(self, named: Iterable[str]) -> dict[str, Any]:
        """The parameters but for those that are given otherwise, such as those of a sweep.

        >>> from esim_jax.presets import read_preset
        >>> sorted(read_preset("netherlands").parameters_beside(["n_voters", "parties", "threshold"]))
        ['allocation_method', 'district_magnitude', 'electoral_system', 'n_constituencies']
        """
        left_out = set(named)
        return {name: value for name, value in self.parameters.items() if name not in left_out}
