"""The registry of electoral systems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from esim_jax.systems._base import Rule
from esim_jax.systems.condorcet import black, by_pairs, copeland, minimax, ranked_pairs, schulze
from esim_jax.systems.divisor import (
    adams,
    danish,
    dhondt,
    huntington_hill,
    imperiali,
    modified_sainte_lague,
    modified_sainte_lague_1_2,
    sainte_lague,
)
from esim_jax.systems.meek import meek
from esim_jax.systems.plurality import plurality
from esim_jax.systems.positional import approval, block_vote, borda, limited_vote, sntv
from esim_jax.systems.quota import droop, hagenbach_bischoff, hare, imperiali_quota
from esim_jax.systems.runoff import bucklin, coombs, irv, supplementary_vote, two_round
from esim_jax.systems.staged import StagedRule
from esim_jax.systems.stv import stv

RULES: dict[str, Rule] = {
    "plurality": plurality,
    "dhondt": dhondt,
    "sainte_lague": sainte_lague,
    "modified_sainte_lague": modified_sainte_lague,
    "modified_sainte_lague_1_2": modified_sainte_lague_1_2,
    "danish": danish,
    "imperiali": imperiali,
    "adams": adams,
    "huntington_hill": huntington_hill,
    "hare": hare,
    "droop": droop,
    "hagenbach_bischoff": hagenbach_bischoff,
    "imperiali_quota": imperiali_quota,
}
"""Every allocation rule by name."""


RANKED: dict[str, StagedRule] = {
    "two_round": two_round,
    "supplementary_vote": supplementary_vote,
    "IRV": irv,
    "Coombs": coombs,
    "Bucklin": bucklin,
    "Borda": borda,
    "approval": approval,
    "Copeland": by_pairs(copeland),
    "minimax": by_pairs(minimax),
    "Schulze": by_pairs(schulze),
    "ranked_pairs": by_pairs(ranked_pairs),
    "Black": by_pairs(black),
    "STV": stv,
    "STV_Meek": meek,
    "SNTV": sntv,
    "block_vote": block_vote,
    "limited_vote": limited_vote,
}
"""Every rule on rankings by name: the electoral system in a constituency."""


@dataclass(frozen=True)
class System:
    """An allocation rule, and where it is applied.

    Attributes:
        rule: a key of RULES, or of RANKED where rankings are counted.
        level: "constituency" for the seats of each constituency, "nation" for all seats at once, "levelled" for
            constituencies with levelling seats, "rankings" for the ranked ballots of each constituency, or a system
            that joins two levels: "MMP", "parallel" and "majority_bonus".
        overhang: in MMP, what becomes of it; see `esim_jax.systems.mixed.mixed_member_proportional`.
    """

    rule: str
    level: Literal["constituency", "nation", "levelled", "rankings", "MMP", "parallel", "majority_bonus"]
    overhang: str = ""

    @property
    def ranked(self) -> bool:
        """Whether it needs more of a ballot than its first place."""
        return self.level == "rankings"


def find_system(parameters: Mapping[str, Any]) -> System:
    """The system that a full set of parameters asks for.

    >>> find_system({"electoral_system": "PR", "allocation_method": "hare"})
    System(rule='hare', level='nation', overhang='')
    """
    name, rule = parameters["electoral_system"], parameters["allocation_method"]
    if name == "PR":
        return System(rule, "nation")
    if name in RANKED:
        return System(name, "rankings")
    if name == "district_PR":
        return System(rule, "levelled" if parameters["levelling_seats"] else "constituency")
    if name == "MMP":
        return System(rule, name, parameters["overhang"])
    if name in ("parallel", "majority_bonus"):
        return System(rule, name)
    return System("plurality", "constituency")  # FPTP, and party_block, which only has larger constituencies
