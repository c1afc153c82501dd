"""All rules on ranked ballots by name."""

import inspect
from collections.abc import Callable
from typing import Any

from esim_jax.counts.condorcet import black, copeland, minimax, ranked_pairs, schulze
from esim_jax.counts.count import Count
from esim_jax.counts.elimination import bucklin, coombs, irv
from esim_jax.counts.lots import Lots
from esim_jax.counts.plurality import block_vote, fptp, limited_vote, sntv, supplementary_vote, two_round
from esim_jax.counts.positional import approval, borda
from esim_jax.counts.profile import Profile
from esim_jax.counts.stv import stv, stv_meek
from esim_jax.errors import InputError
from esim_jax.kinds import nearest

SYSTEMS: dict[str, Callable[..., Count]] = {
    "FPTP": fptp,
    "two_round": two_round,
    "supplementary_vote": supplementary_vote,
    "IRV": irv,
    "Coombs": coombs,
    "Bucklin": bucklin,
    "Borda": borda,
    "approval": approval,
    "Copeland": copeland,
    "minimax": minimax,
    "Schulze": schulze,
    "ranked_pairs": ranked_pairs,
    "Black": black,
    "STV": stv,
    "STV_Meek": stv_meek,
    "SNTV": sntv,
    "block_vote": block_vote,
    "limited_vote": limited_vote,
}
"""Rules by name. Each takes a profile, lots, the seats where it fills several, and options of its own."""

ON_SCORES = ("score", "star")
"""Rules of `esim_jax.counts.scores`, which no ranking can be counted by."""


def count_ballots(profile: Profile, system: str, n_seats: int | None = None, *, seed: int = 0, **options: Any) -> Count:
    """Counts ranked ballots by a rule.

    Ties are broken by lots drawn from the seed, unless the rule has its own way, and are named in the count. Nobody is
    elected whom no ballot ranks.

    Args:
        profile: the ballots.
        system: the name of the rule, in small or capital letters; see `SYSTEMS`.
        n_seats: to be filled; by default as the profile says, or one. A rule for one winner fills one seat whatever the
            profile says.
        seed: of the lots, any integer.
        **options: of the rule, such as `quota="hare"` of STV.

    Raises:
        InputError: the system or an option is unknown or not allowed, the seed is no whole number, or the seats are
            not a whole number of at least 1, or several where the rule is for one winner.

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> [count_ballots(profile, system).winner for system in ("FPTP", "IRV", "Schulze")]
    ['Ann', 'Bob', 'Cem']
    """
    name = next((known for known in SYSTEMS if known.lower() == str(system).lower()), None)
    if name is None and str(system).lower() in ON_SCORES:
        raise InputError(f"system = {system!r} is not allowed: it counts scores, and a profile has rankings. Make "
                         f"ScoreBallots and count them by esim_jax.counts.scores.{system.lower()}.")  # fmt: skip
    if name is None:
        raise InputError(f"Unknown system {system!r}.{nearest(system, SYSTEMS)} Known are {', '.join(SYSTEMS)}.")
    rule = SYSTEMS[name]
    parameters = inspect.signature(rule).parameters
    known = [key for key, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY]
    unknown = next((key for key in options if key not in known), None)
    if unknown is not None:
        raise InputError(f"{name} has no option {unknown!r}.{nearest(unknown, known)} "
                         f"Its options are: {', '.join(known) or 'none'}.")  # fmt: skip
    seats = (profile.n_seats or 1) if n_seats is None else n_seats
    if isinstance(seats, bool) or not isinstance(seats, int) or seats < 1:
        raise InputError(f"n_seats = {seats!r} is not allowed: give a whole number of at least 1.")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"seed = {seed!r} is not allowed: give a whole number.")
    lots = Lots(profile.candidates, seed)
    if "n_seats" in parameters:
        return rule(profile, lots, seats, **options)
    if n_seats is not None and seats > 1:
        several = ", ".join(key for key, each in SYSTEMS.items() if "n_seats" in inspect.signature(each).parameters)
        raise InputError(f"n_seats = {seats} is not allowed: {name} elects one winner. Several seats are filled by "
                         f"{several}.")  # fmt: skip
    return rule(profile, lots, **options)
