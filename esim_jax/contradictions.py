"""Parameters that contradict each other, and what follows from one for another."""

from collections.abc import Mapping
from typing import Any

from esim_jax.errors import InputError
from esim_jax.names import (
    CULTURES,
    MAX_SEATS,
    MOST_ANONYMOUS,
    MOST_RANKED,
    MOST_TYPED,
    ONE_WINNER,
    ORDERED_CULTURES,
    SCORED,
    SEVERAL_WINNERS,
)
from esim_jax.own_behaviour import OwnBehaviour
from esim_jax.parties import NOTA
from esim_jax.seats import PerParty, assembly_seats, candidates_of

_EQUAL_SIZES = {"size_spread": 0.0, "constituency_sizes": 1.0}
"""Parameters of unequal constituencies, at the values that make them equal."""


def fill_in_voters(full: dict[str, Any], given: Mapping[str, Any]) -> None:
    """What follows from voters who are given; refuses what contradicts them."""
    frame = full["voters"]
    if frame is None:
        if full["voter_model"] == "frame":
            raise InputError("voter_model = 'frame' needs voters: give voters=, a frame or the path of a file.")
        return
    if given.get("voter_model", "frame") != "frame":
        raise InputError(
            f"voter_model = {given['voter_model']!r} is not allowed with voters, who are those of the frame: leave one "
            "of them out."
        )
    for name, equal in _EQUAL_SIZES.items():
        if full[name] != equal:
            raise InputError(
                f"{name} = {full[name]!r} is not allowed with voters, whose constituencies are as large as the frame "
                "says: leave it out."
            )
    full["voter_model"] = "frame"
    full["n_voters"] = given.get("n_voters", frame.n_rows)
    frame.check_parties(full["parties"], full["include_nota"])
    if frame.utility and isinstance(full["behaviour"], str) and full["behaviour"] != "proximity":
        raise InputError(
            f"behaviour = {full['behaviour']!r} is not allowed with voters whose utilities are given: leave it out, or "
            "give their positions."
        )
    if frame.constituency is None:
        return
    full["n_constituencies"] = given.get("n_constituencies", len(frame.labels))
    if full["n_constituencies"] != len(frame.labels):
        raise InputError(
            f"n_constituencies = {full['n_constituencies']:,} is not allowed with voters of {len(frame.labels):,} "
            "constituencies: leave it out, or leave out their column."
        )
    from esim_jax.voter_frame import constituency_sizes

    constituency_sizes(frame, full["n_voters"])


def read_magnitude(full: Mapping[str, Any]) -> int | tuple[int, ...]:
    """One number where all are equal, so that equal values are one configuration."""
    magnitude: int | tuple[int, ...] = full["district_magnitude"]
    if isinstance(magnitude, int):
        return magnitude
    if len(magnitude) != full["n_constituencies"]:
        raise InputError(
            f"district_magnitude has {len(magnitude):,} numbers for n_constituencies = {full['n_constituencies']:,}: "
            "give one number, or one a constituency."
        )
    return magnitude if len({*magnitude}) > 1 else magnitude[0]


def read_sizes(full: Mapping[str, Any]) -> float | tuple[float, ...]:
    """1.0 where all are equal, so that equal values are one configuration."""
    sizes: float | tuple[float, ...] = full["constituency_sizes"]
    if isinstance(sizes, float):
        return sizes
    if len(sizes) != full["n_constituencies"]:
        raise InputError(
            f"constituency_sizes has {len(sizes):,} numbers for n_constituencies = {full['n_constituencies']:,}: "
            "give one a constituency."
        )
    return sizes if len({*sizes}) > 1 else 1.0


def check_seats(full: Mapping[str, Any]) -> None:
    """Refuses what the electoral system can't do with its seats; parameters of other systems don't matter."""
    system, seats = full["electoral_system"], assembly_seats(full)
    if system == "FPTP" and full["district_magnitude"] != 1:
        raise InputError(
            f"district_magnitude = {full['district_magnitude']!r} is not allowed with FPTP, which fills one seat in "
            "each constituency: choose party_block or district_PR, or leave it at 1."
        )
    if system in ONE_WINNER and full["district_magnitude"] != 1:
        raise InputError(
            f"district_magnitude = {full['district_magnitude']!r} is not allowed with {system}, which fills one seat "
            "in each constituency: leave it at 1, or choose STV."
        )
    if system in (*ONE_WINNER, *SEVERAL_WINNERS):
        _check_candidates(full)
        _check_enough_candidates(full)
        n_options = len(full["parties"]) + full["include_nota"]
        if full["engine"] != "voters" and n_options > MOST_TYPED:
            raise InputError(
                f"engine = {full['engine']!r} draws rankings of up to {MOST_TYPED} options; there are {n_options}: "
                "choose voters or fewer parties."
            )
        if full["engine"] != "voters" and system in SCORED:
            raise InputError(
                f"engine = {full['engine']!r} is not allowed with {system}: it draws no scores; choose voters."
            )
        if n_options > MOST_RANKED:
            raise InputError(
                f"parties has {len(full['parties'])} parties: ranked ballots have room for {MOST_RANKED}, with {NOTA} "
                "if it is included."
            )
    if system in ("MMP", "parallel") and not full["list_seats"]:
        raise InputError(f"list_seats = 0 is not allowed with {system}: give the number of seats of party lists.")
    if system == "majority_bonus" and not 0 < full["bonus_seats"] <= seats:
        raise InputError(
            f"bonus_seats = {full['bonus_seats']:,} is not allowed with majority_bonus: give a number from 1 to the "
            f"{seats:,} seats there are."
        )
    if seats > MAX_SEATS:
        raise InputError(f"There would be {seats:,} seats: at most {MAX_SEATS:,} are allowed.")


def _check_candidates(full: Mapping[str, Any]) -> None:
    """Refuses more candidates than ballots have room for, and several of a party where no voters are drawn."""
    candidates, n_parties, given = candidates_of(full), len(full["parties"]), full["candidates_per_party"]
    if isinstance(given, tuple) and len(given) != n_parties:
        raise InputError(
            f"candidates_per_party has {len(given)} numbers for {n_parties} parties: give one number, or one for "
            "each party."
        )
    if candidates == 1:
        return
    if full["engine"] != "voters":
        raise InputError(
            f"candidates_per_party = {candidates!r} is not allowed with engine = {full['engine']!r}, which draws "
            "rankings of parties only: choose voters, or leave it at 1."
        )
    for_nota = full["include_nota"] * (1 if isinstance(candidates, tuple) else candidates)
    if sum(_by_party(candidates, n_parties)) + for_nota > MOST_RANKED:
        raise InputError(
            f"candidates_per_party = {candidates!r} is not allowed with {n_parties} parties: ballots have room for "
            f"{MOST_RANKED} candidates, with as many for {NOTA} if it is included, or one beside a list; give fewer."
        )


def _check_enough_candidates(full: Mapping[str, Any]) -> None:
    """Refuses more seats in a constituency than candidates stand for."""
    system, candidates, n_parties = full["electoral_system"], candidates_of(full), len(full["parties"])
    if system in SEVERAL_WINNERS and _largest(full["district_magnitude"]) > sum(_by_party(candidates, n_parties)):
        number = "one candidate" if candidates == 1 else f"{candidates} candidates"
        have = f"which have {number}" if isinstance(candidates, tuple) else f"each of which has {number}"
        raise InputError(
            f"district_magnitude = {full['district_magnitude']!r} is not allowed with {system} and "
            f"{n_parties} parties, {have}: give more parties, more candidates_per_party or fewer seats."
        )


def _by_party(candidates: PerParty, n_parties: int) -> tuple[int, ...]:
    return candidates if isinstance(candidates, tuple) else (candidates,) * n_parties


_DRAWN_VOTERS = (
    "constituency_shift", "local_appeal", "turnout_spread", "identification_strength", "strategic_sensitivity",
    "undecided",
)  # fmt: skip
"""Parameters, but for the voter model, that only the engine "voters" knows."""


def check_voters(full: Mapping[str, Any]) -> None:
    """Refuses what the voter model can't do; parameters of other voter models don't matter."""
    model, engine = full["voter_model"], full["engine"]
    if engine != "voters" and model != "demographic":
        raise InputError(
            f"engine = {engine!r} is not allowed with voter_model = {model!r}: it knows the demographic voters' law "
            "only; choose voters."
        )
    if engine != "voters" and full["behaviour"] != "proximity":
        raise InputError(
            f"behaviour = {str(full['behaviour'])!r} is not allowed with engine = {engine!r}, which knows the law of "
            "proximity only: choose voters."
        )
    if model in CULTURES and full["behaviour"] != "proximity":
        raise InputError(
            f"behaviour = {str(full['behaviour'])!r} is not allowed with voter_model = {model!r}, whose utilities are "
            "drawn themselves: leave the behaviour out, or choose voters with positions."
        )
    _check_salience(full)
    if engine != "voters" and full["normalised_welfare"]:
        raise InputError(f"normalised_welfare is not allowed with engine = {engine!r}: choose voters, or leave it out.")
    if engine != "voters" and full["temperature"] == 0:
        raise InputError(
            f"temperature = 0 is not allowed with engine = {engine!r}, whose law is smooth: choose voters, or a "
            "temperature above 0."
        )
    for name in _DRAWN_VOTERS:
        if engine != "voters" and full[name]:
            raise InputError(
                f"{name} = {full[name]!r} is not allowed with engine = {engine!r}, to which all voters of all "
                "constituencies are alike: choose voters, or leave it at 0."
            )
    for name, equal in _EQUAL_SIZES.items():
        if engine == "limit" and full[name] != equal:
            raise InputError(
                f"{name} = {full[name]!r} is not allowed with engine = 'limit', whose constituencies are all alike: "
                "choose voters or multinomial, or leave it out."
            )
    n_options = len(full["parties"]) + full["include_nota"]
    most = {"impartial_anonymous_culture": MOST_ANONYMOUS, **dict.fromkeys(ORDERED_CULTURES, MOST_RANKED)}.get(model)
    if most and n_options > most:
        raise InputError(
            f"parties has {len(full['parties'])} parties: voter_model = {model!r} has room for {most}, with {NOTA} if "
            "it is included; give fewer parties, or choose impartial_culture."
        )
    if model.startswith("spatial") and full["dimensions"] > 2 and not full["positions_drawn"]:
        raise InputError(
            f"dimensions = {full['dimensions']} is not allowed where parties have a position_x and a position_y: give "
            "1 or 2 dimensions, or positions_drawn = true."
        )


def _check_salience(full: Mapping[str, Any]) -> None:
    """Refuses a list for another number of dimensions than there are, where it is read."""
    behaviour, salience = full["behaviour"], full["salience"]
    if isinstance(behaviour, OwnBehaviour):
        read = "salience" in behaviour.arguments
    else:
        read = behaviour in ("weighted_proximity", "directional")
    n_dimensions = full["dimensions"] if full["voter_model"].startswith("spatial") else 2
    if read and isinstance(salience, tuple) and len(salience) != n_dimensions:
        raise InputError(
            f"salience has {len(salience)} numbers for {n_dimensions} dimensions: give one number, or one a dimension."
        )


def _largest(magnitude: int | tuple[int, ...]) -> int:
    return magnitude if isinstance(magnitude, int) else max(magnitude)
