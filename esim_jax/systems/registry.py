"""The registry of electoral systems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from esim_jax.systems._base import Rule
from esim_jax.systems.condorcet import PairRule, black, borda_winner, by_pairs, copeland, minimax, ranked_pairs, schulze
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
from esim_jax.systems.positional import block_vote, limited_vote, sntv
from esim_jax.systems.quota import droop, hagenbach_bischoff, hare, imperiali_quota
from esim_jax.systems.runoff import bucklin, coombs, irv, supplementary_vote, two_round
from esim_jax.systems.scores import approval_sets, score, star
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


PAIRWISE: dict[str, PairRule] = {
    "Borda": borda_winner,
    "Copeland": copeland,
    "minimax": minimax,
    "Schulze": schulze,
    "ranked_pairs": ranked_pairs,
    "Black": black,
}
"""Every rule that sees rankings through their pairwise matrix only, which is added up once for all of them."""

RANKED: dict[str, StagedRule] = {
    "two_round": two_round,
    "supplementary_vote": supplementary_vote,
    "IRV": irv,
    "Coombs": coombs,
    "Bucklin": bucklin,
    "approval": approval_sets,
    "score": score,
    "STAR": star,
    **{name: by_pairs(rule) for name, rule in PAIRWISE.items()},
    "STV": stv,
    "STV_Meek": meek,
    "SNTV": sntv,
    "block_vote": block_vote,
    "limited_vote": limited_vote,
}
"""Every rule on ballots that say more than one name, by name: the electoral system in a constituency."""

__test__ = {name: rule.doc for name, rule in RANKED.items() if name not in PAIRWISE}
"""What doctest runs beside the docstrings of functions."""

_FURTHER_THRESHOLD = {"constituency": ("district_threshold",), "levelled": ("levelling_threshold",)}

_BALLOTS = {"approval": "approvals", "score": "scores", "STAR": "scores"}


@dataclass(frozen=True)
class System:
    """An allocation rule, and where it is applied.

    Attributes:
        rule: a key of RULES, or of RANKED where more of a ballot is counted than its first place.
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

    @property
    def ballots(self) -> str:
        """What it counts of them: "votes", "rankings", "approvals" (sets of parties) or "scores"."""
        return _BALLOTS.get(self.rule, "rankings") if self.ranked else "votes"

    @property
    def thresholds(self) -> tuple[str, ...]:
        """Parameters that keep parties out of seats: where the nation is one constituency, out of the nation's.

        >>> System("dhondt", "levelled").thresholds, System("plurality", "constituency").thresholds
        (('threshold', 'levelling_threshold'), ())
        """
        if self.rule == "plurality" or self.ranked:
            return ()
        return ("threshold", *_FURTHER_THRESHOLD.get(self.level, ()))


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
    # FPTP; and party_block and electoral_college, which only have larger constituencies
    return System("plurality", "constituency")
