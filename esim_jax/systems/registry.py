"""The registry of electoral systems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from esim_jax.systems._base import Rule
from esim_jax.systems.divisor import dhondt, sainte_lague
from esim_jax.systems.plurality import plurality
from esim_jax.systems.quota import droop, hare

RULES: dict[str, Rule] = {
    "plurality": plurality,
    "dhondt": dhondt,
    "sainte_lague": sainte_lague,
    "hare": hare,
    "droop": droop,
}
"""Every allocation rule by name."""


@dataclass(frozen=True)
class System:
    """An allocation rule, and where it is applied.

    Attributes:
        rule: a key of RULES.
        level: "constituency" for one seat in each constituency, "nation" for all seats at once.
    """

    rule: str
    level: Literal["constituency", "nation"]


def find_system(parameters: Mapping[str, Any]) -> System:
    """The system that a full set of parameters asks for.

    >>> find_system({"electoral_system": "PR", "allocation_method": "hare"})
    System(rule='hare', level='nation')
    """
    if parameters["electoral_system"] == "FPTP":
        return System("plurality", "constituency")
    return System(parameters["allocation_method"], "nation")
