"""The registry of a sweep's metrics: every column by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jax import Array

from esim_jax.errors import InputError
from esim_jax.kinds import nearest
from esim_jax.metrics import pairwise, stacked
from esim_jax.metrics.concentration import (
    effective_number_of_parties,
    herfindahl_hirschman_index,
    largest_share,
)
from esim_jax.metrics.disproportionality import gallagher_index
from esim_jax.metrics.majority import manufactured_majority, wrong_winner
from esim_jax.metrics.monotonicity import N_PARTIES
from esim_jax.metrics.stacked import Election
from esim_jax.names import MOST_RANKED, MOST_TYPED
from esim_jax.seats import candidates_of

DEFAULT_METRICS = ("turnout", "gallagher", "enp_votes", "enp_seats", "vse")
"""The columns of a sweep that asks for no others."""


class Metric(NamedTuple):
    """A metric: a number a simulation, never NaN.

    Attributes:
        of: its values from stacked elections; true and false become 1 and 0, so that means are rates.
        unit: of the values.
        range: of the values.
        help: what it is, in a sentence.
        source: who defined it.
        two_parties: whether it is of uniform swing: defined only where two parties stand, nothing else, and their
            shares of the votes differ among constituencies.
        pairwise: whether it is of ranked ballots: voters are then asked for them whatever the electoral system.
        of_elected: whether it asks who is elected in a constituency.
        welfare: whether it is of the utility of all voters.
        irv_of_three: whether it is of instant-runoff voting among exactly three parties.
    """

    of: Callable[[Election], Array]
    unit: str
    range: str
    help: str
    source: str = ""
    two_parties: bool = False
    pairwise: bool = False
    of_elected: bool = False
    welfare: bool = False
    irv_of_three: bool = False


METRICS: dict[str, Metric] = {
    "turnout": Metric(
        lambda e: e.votes.sum(axis=-1) / e.n_voters, "share of voters", "0 to 1", "Voters who voted / electorate."
    ),
    "gallagher": Metric(
        lambda e: gallagher_index(e.votes, e.seats), "percent", "0 to 100",
        "Least squares: root of half the sum of squared differences between shares of votes and seats.",
        "Gallagher 1991",
    ),
    "enp_votes": Metric(
        lambda e: effective_number_of_parties(e.votes), "parties", "at least 1; 0 without votes",
        "Effective number of parties by votes: 1 / sum of squared shares.", "Laakso & Taagepera 1979",
    ),
    "enp_seats": Metric(
        lambda e: effective_number_of_parties(e.seats), "parties", "at least 1; 0 without seats",
        "Effective number of parties by seats: 1 / sum of squared shares.", "Laakso & Taagepera 1979",
    ),
    "vse": Metric(
        stacked.satisfaction, "1", "at most 1; may be negative",
        "Voter satisfaction efficiency: 1 if the best party holds all seats, 0 for a party drawn at random.",
        "after Merrill 1984", welfare=True,
    ),
    "loosemore_hanby": Metric(
        stacked.loosemore_hanby, "percent", "0 to 100",
        "Half the sum of absolute differences between shares of votes and seats.", "Loosemore & Hanby 1971",
    ),
    "rae": Metric(
        stacked.rae, "percent", "0 to 100",
        "Mean absolute difference between shares of votes and seats, over parties with at least 0.5 % of the votes.",
        "Rae 1967",
    ),
    "sainte_lague_index": Metric(
        stacked.sainte_lague_index, "percent", "at least 0",
        "Sum of squared differences between shares of votes and seats, each relative to the votes.", "Gallagher 1991",
    ),
    "dhondt_index": Metric(
        stacked.dhondt_index, "1", "at least 1; 0 without votes or seats",
        "Share of the seats / share of the votes, of the party where this is largest.", "Gallagher 1991",
    ),
    "golosov_votes": Metric(
        lambda e: stacked.golosov(e.votes), "parties", "at least 1; 0 without votes",
        "Golosov's effective number of parties by votes.", "Golosov 2010",
    ),
    "golosov_seats": Metric(
        lambda e: stacked.golosov(e.seats), "parties", "at least 1; 0 without seats",
        "Golosov's effective number of parties by seats.", "Golosov 2010",
    ),
    "hhi_votes": Metric(
        lambda e: herfindahl_hirschman_index(e.votes), "1", "0 to 1",
        "Herfindahl-Hirschman index of the votes: sum of squared shares.", "Hirschman 1964",
    ),
    "hhi_seats": Metric(
        lambda e: herfindahl_hirschman_index(e.seats), "1", "0 to 1",
        "Herfindahl-Hirschman index of the seats: sum of squared shares.", "Hirschman 1964",
    ),
    "largest_party_seat_share": Metric(
        lambda e: largest_share(e.seats), "share of seats", "0 to 1", "The largest party's share of the seats."
    ),
    "manufactured_majority": Metric(
        lambda e: manufactured_majority(e.votes, e.seats), "yes or no", "1 or 0",
        "Whether a party with at most half of the votes has more than half of the seats.", "Rae 1967",
    ),
    "wrong_winner": Metric(
        lambda e: wrong_winner(e.votes, e.seats), "yes or no", "1 or 0",
        "Whether the most seats are with others than the most votes.",
    ),
    "wasted_votes": Metric(
        stacked.wasted_votes, "share of votes", "0 to 1",
        "Votes for parties without a seat in the voter's constituency or, where the nation allots seats, without any.",
        "Anckar 1997",
    ),
    "efficiency_gap": Metric(
        stacked.efficiency_gap, "share of votes", "-1.5 to 1.5",
        "Wasted votes of all others less those of the first party on the ballot, any number of parties.",
        "Stephanopoulos & McGhee 2015",
    ),
    "mean_median": Metric(
        stacked.mean_median, "share of votes", "-1 to 1",
        "Median less mean of the first party's shares of the votes in the constituencies.", "McDonald & Best 2015",
    ),
    "partisan_bias": Metric(
        stacked.partisan_bias, "share of seats", "-0.5 to 0.5",
        "The first of two parties' share of the seats beyond half, if it had half of the votes by uniform swing.",
        "King & Browning 1987", two_parties=True,
    ),
    "responsiveness": Metric(
        stacked.responsiveness, "seats / votes", "0 to 10",
        "Shares of the seats that a share of the votes moves by uniform swing, between 45 % and 55 %; two parties.",
        "Gelman & King 1994", two_parties=True,
    ),
    "effective_threshold": Metric(
        stacked.effective_threshold, "share of votes", "0 to 1",
        "0.75 / (mean seats of a constituency, or of the nation where it allots seats, + 1), or the legal threshold if "
        "higher.", "Lijphart 1994",
    ),
    "welfare_gain": Metric(
        stacked.welfare_gain, "utility", "any",
        "Utility of the elected, mean over all voters and seats, beyond that of a party drawn at random.",
        "Merrill 1984", welfare=True,
    ),
    "best_welfare_gain": Metric(
        stacked.best_welfare_gain, "utility", "at least 0",
        "Utility of the best party, mean over all voters, beyond that of a party drawn at random.", "Merrill 1984",
        welfare=True,
    ),
    "condorcet_winner": Metric(
        pairwise.condorcet_winner, "share of constituencies", "0 to 1",
        "Constituencies with a Condorcet winner, who beats every other party in pairs.", "Condorcet 1785",
        pairwise=True,
    ),
    "condorcet_cycle": Metric(
        pairwise.condorcet_cycle, "share of constituencies", "0 to 1",
        "Constituencies in which every party is beaten by some other in pairs.", "Gehrlein 2006", pairwise=True,
    ),
    "condorcet_winner_elected": Metric(
        pairwise.condorcet_winner_elected, "share of constituencies", "0 to 1",
        "Constituencies with a Condorcet winner who has a seat there.", "Merrill 1984", pairwise=True,
        of_elected=True,
    ),
    "best_is_condorcet_winner": Metric(
        pairwise.best_is_condorcet_winner, "share of constituencies", "0 to 1",
        "Constituencies whose Condorcet winner is the party with the largest utility, summed over all voters.",
        "Merrill 1984", pairwise=True, welfare=True,
    ),
    "condorcet_loser_elected": Metric(
        pairwise.condorcet_loser_elected, "share of constituencies", "0 to 1",
        "Constituencies in which a party has a seat that loses to every other in pairs.", "Fishburn 1977",
        pairwise=True, of_elected=True,
    ),
    "majority_loser_elected": Metric(
        pairwise.majority_loser_elected, "share of constituencies", "0 to 1",
        "Constituencies in which a party has a seat that more than half of the ballots rank last.", "Lepelley 1993",
        pairwise=True, of_elected=True,
    ),
    "upward_monotonicity_failure": Metric(
        pairwise.upward_monotonicity_failure, "share of constituencies", "0 to 1",
        "Constituencies whose winner can be raised on some ballots and loses by that; IRV of three parties.",
        "Miller 2017", pairwise=True, irv_of_three=True,
    ),
    "downward_monotonicity_failure": Metric(
        pairwise.downward_monotonicity_failure, "share of constituencies", "0 to 1",
        "Constituencies in which a loser can be lowered on some ballots and wins by that; IRV of three parties.",
        "Miller 2017", pairwise=True, irv_of_three=True,
    ),
}  # fmt: skip
"""Every metric by the name of its column."""


class Rate(NamedTuple):
    """A ratio of the means of two metrics over many elections; a single election has no such number.

    Attributes:
        numerator: name of a metric.
        denominator: of one that is never below 0.
        help: what it is, in a sentence.
        source: who defined it.
    """

    numerator: str
    denominator: str
    help: str
    source: str


RATES: dict[str, Rate] = {
    "condorcet_efficiency": Rate(
        "condorcet_winner_elected", "condorcet_winner", "Share of the Condorcet winners who are elected.",
        "Merrill 1984",
    ),
    "social_utility_efficiency": Rate(
        "welfare_gain", "best_welfare_gain",
        "Expected utility of the elected, where a party drawn at random has 0 and the best party 1.", "Merrill 1984",
    ),
    "best_condorcet_efficiency": Rate(
        "best_is_condorcet_winner", "condorcet_winner",
        "Condorcet efficiency of a rule that elects the party with the largest utility, summed over all voters.",
        "Merrill 1984",
    ),
}  # fmt: skip
"""What may be asked for beside the metrics: rows then have the two metrics, and summaries their ratio."""


def read_metrics(metrics: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the metrics and rates that are asked for, in their order; the five defaults for None.

    Raises:
        InputError: it is not a list of names, or a name is unknown or stands there twice.

    >>> read_metrics(["rae", "turnout"])
    ('rae', 'turnout')
    """
    if metrics is None:
        return DEFAULT_METRICS
    if isinstance(metrics, str) or not isinstance(metrics, Sequence) or not metrics:
        raise InputError(f"metrics = {metrics!r} is not allowed: give a list of names, such as ['turnout', 'rae'].")
    known = {**METRICS, **RATES}
    for name in metrics:
        if not isinstance(name, str) or name not in known:
            raise InputError(f"The metric {name!r} is unknown.{nearest(name, known)} Known are {', '.join(known)}.")
        if metrics.count(name) > 1:
            raise InputError(f"metrics = {list(metrics)!r} is not allowed: {name!r} stands there twice.")
    return tuple(metrics)


def columns_of(asked: Sequence[str]) -> tuple[str, ...]:
    """The metrics that rows have: those that are asked for, and in the place of a rate the two that make it.

    >>> columns_of(["turnout", "condorcet_efficiency", "condorcet_winner"])
    ('turnout', 'condorcet_winner_elected', 'condorcet_winner')
    """
    return tuple(dict.fromkeys(column for name in asked for column in RATES.get(name, (name,))[:2]))


def check_metrics(names: Sequence[str], parameters: Mapping[str, Any]) -> None:
    """Makes sure that a configuration has what the metrics need.

    Args:
        names: of the metrics.
        parameters: a full set.

    Raises:
        InputError: a metric is of uniform swing between two parties, and there are more or fewer, or NOTA, or an
            infinite electorate, where all constituencies are equal; or it is of ranked ballots, and the engine has
            none, or there are too many parties, or it asks who is elected in constituencies where nobody is; or it
            is of IRV among three parties, and the system is another, or there are more or fewer, or NOTA.
    """
    for name in names:
        n_parties, nota = len(parameters["parties"]), parameters["include_nota"]
        if METRICS[name].two_parties and (n_parties != 2 or nota):
            what = "NOTA is on the ballot" if nota else f"the number of parties is {n_parties}"
            raise InputError(f"The metric {name!r} is for two parties, but {what}: give two, or leave it out.")
        if METRICS[name].two_parties and parameters["engine"] == "limit":
            raise InputError(
                f"The metric {name!r} is of constituencies that differ, but engine 'limit' makes all equal: "
                "take another engine, or leave it out."
            )
        if METRICS[name].pairwise:
            _check_rankings(name, parameters)


def _check_rankings(name: str, parameters: Mapping[str, Any]) -> None:
    engine, system = parameters["engine"], parameters["electoral_system"]
    n_options = len(parameters["parties"]) + parameters["include_nota"]
    refused = None
    if engine != "voters" and n_options > MOST_TYPED:
        refused = f"ranked ballots, which engine {engine!r} has for up to {MOST_TYPED} options; there are {n_options}"
    elif engine != "voters" and system == "approval":
        refused = f"ranked ballots, but of approval voting engine {engine!r} knows only the sets of approved parties"
    elif engine == "multinomial" and METRICS[name].welfare:
        refused = f"the utility of those whom ballots rank, but engine {engine!r} draws ballots and utility apart"
    if refused:
        raise InputError(f"The metric {name!r} is of {refused}: take the engine 'voters', or leave it out.")
    if candidates_of(parameters) != 1:
        raise InputError(
            f"The metric {name!r} is of parties that stand with one candidate each, but candidates_per_party is "
            f"{parameters['candidates_per_party']!r}: leave one of them out."
        )
    if n_options > MOST_RANKED:
        raise InputError(
            f"The metric {name!r} is of ranked ballots, which have room for {MOST_RANKED} parties, with NOTA if it is "
            f"included, but there are {n_options}: give fewer, or leave it out."
        )
    if METRICS[name].irv_of_three and (system != "IRV" or n_options != N_PARTIES or parameters["include_nota"]):
        what = (
            f"the electoral system is {system}" if system != "IRV"
            else "NOTA is on the ballot" if parameters["include_nota"]
            else f"the number of parties is {n_options}"
        )  # fmt: skip
        raise InputError(
            f"The metric {name!r} is for IRV among three parties, but {what}: give these, or leave it out."
        )
    if METRICS[name].of_elected and system in ("PR", "majority_bonus"):
        raise InputError(
            f"The metric {name!r} is of who is elected in a constituency, but {system} gives all seats to the nation's "
            "votes: choose another electoral system, or leave it out."
        )
