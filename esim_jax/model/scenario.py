"""The scenario: the parameters of an election as the engine reads them, stacked over simulations."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt

from esim_jax.model.mixture import cluster_numbers
from esim_jax.model.spatial import WIDEST
from esim_jax.model.voters import DEMOGRAPHIC, VoterModel, read_number
from esim_jax.parties import NOTA, Party
from esim_jax.random import seed_words
from esim_jax.seats import assembly_seats, extra_seats
from esim_jax.systems import THRESHOLD_UNIT

WELFARE_BITS = 23
"""A row of 128 voters sums |utility| x scale below 2^23 each, so its sum fits in 31 bits."""


class Scenario(NamedTuple):
    """One election's parameters; every field carries the simulations as its leading axis when stacked.

    The parties' axis is as long as the sweep's longest list; surplus places have weight 0 and repeat the
    first party, so that they neither take votes nor touch the best and the worst utility.
    """

    key_high: UInt[Any, "..."]
    key_low: UInt[Any, "..."]
    n_voters: Int[Any, "..."]
    n_constituencies: Int[Any, "..."]
    n_seats: Int[Any, "..."]  # of the assembly, but for those by which it may grow
    extra_seats: Int[Any, "..."]  # of them, those of lists, those that level, or the bonus, as the system has it
    temperature: Float[Any, "..."]
    alienation_threshold: Float[Any, "..."]
    indifference_threshold: Float[Any, "..."]
    economic_growth: Float[Any, "..."]
    national_mood: Float[Any, "..."]
    anti_incumbency: Float[Any, "..."]
    position_x: Float[Any, "... party"]
    position_y: Float[Any, "... party"]
    further: Float[Any, "... party dimension"]  # coordinates beyond these two
    valence: Float[Any, "... party"]
    incumbent: Float[Any, "... party"]  # 1 for the governing parties, else 0
    weight: Float[Any, "... party"]  # 1 for a real option, 0 for a surplus place
    eligible: Bool[Any, "... party"]  # may win seats: not NOTA, not a surplus place
    unevenness: Float[Any, "... party"]  # multiplies the party's local appeal; 0 for who is not eligible
    welfare_scale: Float[Any, "..."]  # power of two that turns utility into an integer
    exempt: Bool[Any, "... party"]  # needs no threshold
    in_base: Bool[Any, "... party"]  # its votes are among those of which thresholds are a share
    threshold: Int[Any, "..."]  # in units of 1 / THRESHOLD_UNIT of the votes
    district_threshold: Int[Any, "..."]  # likewise, of a constituency's votes
    levelling_threshold: Int[Any, "..."]  # likewise, of the nation's votes
    waiver_seats: Int[Any, "..."]  # won in constituencies, with which a party needs no threshold; 0 for no waiver
    ballot_length: Int[Any, "..."]  # places of a ranked ballot
    approves: Bool[Any, "..."]  # approval voting
    approval_count: Int[Any, "..."]  # parties that an approval ballot approves of; 0 for those above the average
    system: Int[Any, "..."]  # index into the sweep's tuple of systems
    numbers: Float[Any, "... number"]  # what else the voter model reads, see `esim_jax.model.voters.VoterModel`


def options(parameters: Mapping[str, Any]) -> tuple[Party, ...]:
    """What stands on the ballot: the parties, and NOTA where it is included."""
    parties: tuple[Party, ...] = parameters["parties"]
    return (*parties, Party(NOTA, valence=0.0)) if parameters["include_nota"] else parties


def stack_scenarios(
    parameters: Sequence[Mapping[str, Any]], systems: Sequence[int], n_options: int, model: VoterModel = DEMOGRAPHIC
) -> Scenario:
    """The scenarios of several configurations as NumPy arrays; the keys are still 0.

    Args:
        parameters: full parameter sets, as `esim_jax.config.read_parameters` returns them; one a configuration.
        systems: index of each configuration's system in the sweep's tuple of systems.
        n_options: length of the parties' axis; at least the longest list of options.
        model: of the voters, for those configurations that will be simulated.
    """

    def numbers(name: str) -> np.ndarray:
        return np.array([p[name] for p in parameters], np.float32)

    def whole(name: str) -> np.ndarray:
        return np.array([p[name] for p in parameters], np.int32)

    def shares(name: str) -> np.ndarray:
        return np.array([round(p[name] * THRESHOLD_UNIT) for p in parameters], np.int64)

    ballots = [options(p) for p in parameters]

    def per_option(name: str) -> np.ndarray:
        rows = [[float(getattr(option, name)) for option in ballot] for ballot in ballots]
        return np.array([row + [row[0]] * (n_options - len(row)) for row in rows], np.float32)

    place = np.arange(n_options)
    real = place < np.array([len(ballot) for ballot in ballots])[:, None]
    eligible = place < np.array([len(p["parties"]) for p in parameters])[:, None]
    n_dimensions = max(p["dimensions"] for p in parameters) if model.positions else 2
    unset = np.zeros(len(parameters), np.uint32)
    return Scenario(
        key_high=unset,
        key_low=unset,
        n_voters=whole("n_voters"),
        n_constituencies=whole("n_constituencies"),
        n_seats=np.array([assembly_seats(p) for p in parameters], np.int32),
        extra_seats=np.array([extra_seats(p) for p in parameters], np.int32),
        temperature=numbers("temperature"),
        alienation_threshold=numbers("alienation_threshold"),
        indifference_threshold=numbers("indifference_threshold"),
        economic_growth=numbers("economic_growth"),
        national_mood=numbers("national_mood"),
        anti_incumbency=numbers("anti_incumbency"),
        position_x=per_option("position_x"),
        position_y=per_option("position_y"),
        further=np.zeros((len(parameters), n_options, max(0, n_dimensions - 2)), np.float32),
        valence=per_option("valence"),
        incumbent=per_option("incumbent"),
        weight=real.astype(np.float32),
        eligible=eligible,
        unevenness=per_option("unevenness") * eligible,
        welfare_scale=np.array(
            [_welfare_scale(p, b, model) for p, b in zip(parameters, ballots, strict=True)], np.float32
        ),
        exempt=per_option("threshold_exempt").astype(bool) & eligible,
        in_base=real & (eligible | np.array([p["threshold_base"] == "all" for p in parameters])[:, None]),
        threshold=shares("threshold"),
        district_threshold=shares("district_threshold"),
        levelling_threshold=shares("levelling_threshold"),
        waiver_seats=whole("waiver_seats"),
        ballot_length=whole("ballot_length"),
        approves=np.array([p["electoral_system"] == "approval" for p in parameters]),
        approval_count=whole("approval_count"),
        system=np.array(systems, np.int32),
        numbers=np.array([_numbers(p, b, model) for p, b in zip(parameters, ballots, strict=True)], np.float32),
    )


def _numbers(parameters: Mapping[str, Any], ballot: Sequence[Party], model: VoterModel) -> list[float]:
    """What a voter model reads by name: parameters, how many options there are, and where clusters are."""
    known = {"n_options": len(ballot), **cluster_numbers(parameters["clusters"]), **parameters}
    return [read_number(known, name) for name in model.numbers]


def seed_scenarios(scenarios: Scenario, configuration: np.ndarray, seeds: np.ndarray, length: int) -> Scenario:
    """The scenarios of simulations: those of their configurations, each with its own key.

    Args:
        scenarios: stacked over configurations.
        configuration: each simulation's place among them.
        seeds: uint64; each simulation's seed.
        length: of the result; surplus places repeat the last simulation.
    """
    place = np.minimum(np.arange(length), len(configuration) - 1)
    high, low = seed_words(seeds[place])
    which = configuration[place]
    return Scenario(*(field.take(which, axis=0) for field in scenarios))._replace(key_high=high, key_low=low)


def _welfare_scale(parameters: Mapping[str, Any], ballot: Sequence[Party], model: VoterModel) -> float:
    """The largest power of two with which every |utility| stays below 2^WELFARE_BITS."""
    local = parameters["local_appeal"] * max(party.unevenness for party in parameters["parties"])
    further = WIDEST * local + parameters["identification_strength"]
    bound = 1.0 if model.normalised else model.stretch(parameters, model.bound(parameters, ballot)) + further
    return 2.0 ** (WELFARE_BITS - 1 - math.frexp(bound)[1])
