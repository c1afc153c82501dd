"""How many seats there are to fill, and how many candidates stand for them, by a full set of parameters."""

from collections.abc import Mapping
from typing import Any

from esim_jax.names import ONE_WINNER, SEVERAL_WINNERS

PerParty = int | tuple[int, ...]
"""How many candidates there are: of every option, or of each party, after which none of the above takes one place."""


def candidates_of(parameters: Mapping[str, Any]) -> PerParty:
    """How many candidates each party has on its ballots, by a full set of parameters; a tuple where a list says so.

    >>> from esim_jax.config import read_parameters
    >>> given = {"candidates_per_party": [2, 1, 1], "n_voters": 1_000}
    >>> [candidates_of(read_parameters({**given, "electoral_system": system})) for system in ("STV", "FPTP")]
    [(2, 1, 1), 1]
    """
    if parameters["electoral_system"] not in (*ONE_WINNER, *SEVERAL_WINNERS):
        return 1
    each: PerParty = parameters["candidates_per_party"]
    return each if isinstance(each, int) or max(each) > 1 else 1


def extra_seats(parameters: Mapping[str, Any]) -> int:
    """Seats, by a full set of parameters, that the system treats apart: of lists, to level, or the bonus."""
    name = {
        "district_PR": "levelling_seats",
        "MMP": "list_seats",
        "parallel": "list_seats",
        "majority_bonus": "bonus_seats",
    }.get(parameters["electoral_system"])
    return parameters[name] if name else 0


def assembly_seats(parameters: Mapping[str, Any]) -> int:
    """All seats, by a full set of parameters, but for those by which the house may grow.

    >>> from esim_jax.config import read_parameters
    >>> assembly_seats(read_parameters({"electoral_system": "MMP", "n_constituencies": 72, "list_seats": 48}))
    120
    """
    magnitude = parameters["district_magnitude"]
    each = magnitude * parameters["n_constituencies"] if isinstance(magnitude, int) else sum(magnitude)
    return int(each) + (0 if parameters["electoral_system"] == "majority_bonus" else extra_seats(parameters))
