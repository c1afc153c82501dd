"""One election for a person."""

import secrets
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int

from esim_jax.chunks import Span, make_cutter, program_for
from esim_jax.config import read_parameters, read_seed
from esim_jax.errors import OutcomeWarning
from esim_jax.metrics import shares
from esim_jax.metrics.registry import DEFAULT_METRICS, check_metrics, columns_of, read_metrics
from esim_jax.model.scenario import options
from esim_jax.plan import make_plan
from esim_jax.presets import read_preset
from esim_jax.random import as_uint64


@dataclass(frozen=True)
class ElectionResult(Mapping[str, Any]):
    """What an election came to; read `result.turnout` or `result["turnout"]`.

    Attributes:
        seats: int64, one a party.
        vote_counts: int64, one a party.
        vote_shares: float64 in [0, 1], one a party; sum 1, or all 0 without votes.
        seat_shares: float64 in [0, 1], one a party; sum 1, or all 0 without seats.
        constituency_votes: int64, constituency x party.
        turnout: voters who voted / electorate, in [0, 1].
        gallagher: index of disproportionality, 0 to 100.
        enp_votes: effective number of parties by votes; 0 without votes.
        enp_seats: effective number of parties by seats; 0 without seats.
        vse: voter satisfaction efficiency, at most 1.
        metrics: those that were asked for, by name; the five above where none were.
        party_names: in the order of all arrays; NOTA comes last where it is included.
        seed: with which the same election is held again.
    """

    seats: Int[np.ndarray, " party"]
    vote_counts: Int[np.ndarray, " party"]
    vote_shares: Float[np.ndarray, " party"]
    seat_shares: Float[np.ndarray, " party"]
    constituency_votes: Int[np.ndarray, "constituency party"]
    turnout: float
    gallagher: float
    enp_votes: float
    enp_seats: float
    vse: float
    metrics: Mapping[str, float]
    party_names: tuple[str, ...]
    seed: int

    def __getitem__(self, name: str) -> Any:
        """The attribute of that name."""
        if name not in self:
            raise KeyError(name)
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        """Whether there is an attribute of that name."""
        return name in {field.name for field in fields(self)}

    def __iter__(self) -> Iterator[str]:
        """The attributes' names."""
        return (field.name for field in fields(self))

    def __len__(self) -> int:
        """The number of attributes."""
        return len(fields(self))


class ElectionModel:
    """An electorate, its parties and an electoral system; a pure function of parameters and seed.

    Args:
        seed: any 64-bit integer; with None fresh entropy is drawn and kept in `self.seed`.
        **parameters: by name, such as n_voters, n_constituencies, electoral_system, threshold, temperature, parties;
            all are in `esim_jax.config.PARAMETERS` and in docs/model.md.

    Attributes:
        parameters: the full set, with defaults filled in.
        seed: of every election this model holds.

    Raises:
        InputError: a parameter is unknown or its value is not allowed.

    >>> result = ElectionModel(n_voters=1_000, electoral_system="PR", seed=1).run_election()
    >>> int(result.seats.sum())
    10
    >>> result["party_names"]
    ('Party A', 'Party B', 'Party C')
    """

    def __init__(self, *, seed: int | None = None, **parameters: Any) -> None:
        self.parameters: dict[str, Any] = read_parameters(parameters)
        self._given = {name: self.parameters[name] for name in parameters}
        self.seed: int = draw_seed() if seed is None else read_seed(seed)

    @classmethod
    def from_preset(cls, name: Any, *, seed: int | None = None, **overrides: Any) -> "ElectionModel":
        """The model of a real country's lower house, see docs/presets.md.

        Args:
            name: a text, one of `esim_jax.presets.list_presets()`.
            seed: as above.
            **overrides: parameters that are to differ from the preset's.

        Raises:
            InputError: there is no such preset, an override is unknown or its value is not allowed.

        >>> model = ElectionModel.from_preset("iceland", n_voters=10_000, seed=1)
        >>> model.parameters["levelling_seats"], len(model.parameters["parties"])
        (9, 9)
        """
        return cls(seed=seed, **{**read_preset(name).parameters, **overrides})

    def run_election(self, metrics: Sequence[str] | None = None, **overrides: Any) -> ElectionResult:
        """Holds the election, with some parameters changed for this once.

        Args:
            metrics: names of those that `result.metrics` holds, see `esim_jax.metrics.registry.METRICS`; by default
                the five that every result has. A rate (`RATES` there) stands for the two metrics that make it.
            **overrides: parameters.

        Raises:
            InputError: an override or a metric is unknown, or its value is not allowed.

        Warns:
            OutcomeWarning: nobody voted for some seats, or no party reached the threshold.

        >>> model = ElectionModel(n_voters=1_000, n_constituencies=1, seed=1)
        >>> model.run_election(metrics=["rae", "effective_threshold"]).metrics["effective_threshold"]
        0.375
        """
        asked = columns_of(read_metrics(metrics))
        parameters = read_parameters({**self._given, **overrides})
        check_metrics(asked, parameters)
        computed = tuple(dict.fromkeys([*DEFAULT_METRICS, *asked]))
        devices = jax.local_devices()
        load = make_cutter([parameters]).load((Span(0, 0, 1),))
        plan = make_plan([parameters], program_for(parameters, computed), devices, load, computed)
        outcome = jax.device_get(plan.simulate(np.zeros(1, int), np.array([as_uint64(self.seed)])))
        for sentence in describe_oddities(int(outcome.vacant_seats[0]), bool(outcome.threshold_waived[0])):
            warnings.warn(sentence, OutcomeWarning, stacklevel=2)
        votes, seats = outcome.votes[0], outcome.seats[0]
        values = {name: float(outcome.metrics[name][0]) for name in computed}
        return ElectionResult(
            seats=seats,
            vote_counts=votes,
            vote_shares=shares(votes),
            seat_shares=shares(seats),
            constituency_votes=outcome.constituency_votes[: parameters["n_constituencies"]],
            **{name: values[name] for name in DEFAULT_METRICS},
            metrics={name: values[name] for name in asked},
            party_names=tuple(option.name for option in options(parameters)),
            seed=self.seed,
        )


def draw_seed() -> int:
    """A fresh seed from the operating system's entropy, below 2^53."""
    return secrets.randbits(53)


def describe_oddities(vacant_seats: int, threshold_waived: bool) -> list[str]:
    """Sentences about outcomes that a reader should know of."""
    sentences = []
    if vacant_seats:
        sentences.append(f"{vacant_seats} seats stay vacant, because nobody voted for them.")
    if threshold_waived:
        sentences.append("No party reached the threshold, so it was not applied.")
    return sentences
