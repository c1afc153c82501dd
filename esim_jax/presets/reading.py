"""From the text of a preset's file to the preset: everything is checked here."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from esim_jax.config import read_parameter, read_parameters
from esim_jax.errors import InputError
from esim_jax.kinds import Integer, Number, nearest
from esim_jax.presets.preset import Preset
from esim_jax.seats import assembly_seats

FIELDS = (
    "name", "country", "house", "year", "seats", "seats_left_out", "sources", "not_modelled", "positions",
    "parameters", "districts", "parties",
)  # fmt: skip
"""Fields of a file, in their order."""

_OPTIONAL = ("seats_left_out", "districts")

_RESULTS = ("vote_share", "seats_won", "single_seats_won")
"""Fields of a party that tell what it came to in the election; all others are the model's own."""

_YEAR = re.compile(r"\b(1[5-9]|20)\d\d\b")

_BY_DISTRICTS = ("n_constituencies", "district_magnitude")
"""Parameters that follow from the table of districts."""


def parse_preset(text: str, file: str) -> Preset:
    """The preset that a file holds.

    Args:
        text: of the file, in TOML.
        file: its name, NAME.toml; for messages, and the preset must be called so.

    Raises:
        InputError: a field is unknown, missing or not what it must be, or the seats don't add up. The sentence names
            file and field.
    """
    try:
        return _read(tomllib.loads(text), file.removesuffix(".toml"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The preset {file} is not TOML: {error}.") from error
    except InputError as error:
        raise InputError(f"The preset {file} can't be used: {error}") from error


def _read(given: Mapping[str, Any], stem: str) -> Preset:
    _check_fields(given)
    name = _text(given, "name")
    if name != stem:
        raise InputError(f"name = {name!r} is not the file's: call it {stem!r}, or rename the file.")
    sources = _texts(given, "sources")
    for source in sources:
        if not _YEAR.search(source):
            raise InputError(f"sources: {source!r} names no year; add it.")
    districts = _read_districts(given)
    results, parties = _read_parties(given["parties"])
    vote_shares = _read_shares(results)
    parameters = _read_own_parameters(given, districts) | {"parties": parties}
    parameters = {name: read_parameter(name, value) for name, value in parameters.items()}
    seats = Integer(1, 1_000_000).read("seats", given["seats"])
    left_out = Integer(0, seats - 1).read("seats_left_out", given.get("seats_left_out", 0))
    filled = assembly_seats(read_parameters(parameters))
    if filled + left_out != seats:
        raise InputError(
            f"seats = {seats:,} is not what the parameters come to: they fill {filled:,} seats, and seats_left_out is "
            f"{left_out:,}; make them agree."
        )
    seats_won = _read_won(results, "seats_won", dict.fromkeys(results, seats))
    single_seats_won = _read_won(results, "single_seats_won", seats_won)
    if sum(seats_won.values()) > seats and parameters["electoral_system"] != "MMP":  # whose house may grow
        raise InputError(f"parties: the seats_won sum to {sum(seats_won.values()):,}; the house has {seats:,} seats.")
    return Preset(
        name=name,
        country=_text(given, "country"),
        house=_text(given, "house"),
        year=Integer(1900, 2100).read("year", given["year"]),
        seats=seats,
        sources=sources,
        not_modelled=_texts(given, "not_modelled"),
        positions=_text(given, "positions"),
        districts=MappingProxyType(districts),
        vote_shares=MappingProxyType(vote_shares),
        parameters=MappingProxyType(parameters),
        seats_left_out=left_out,
        seats_won=MappingProxyType(seats_won),
        single_seats_won=MappingProxyType(single_seats_won),
    )


def _check_fields(given: Mapping[str, Any]) -> None:
    for field in given:
        if field not in FIELDS:
            raise InputError(f"the field {field!r} is unknown.{nearest(field, FIELDS)} Known are {', '.join(FIELDS)}.")
    for field in FIELDS:
        if field not in given and field not in _OPTIONAL:
            raise InputError(f"the field {field!r} is missing; add it.")
    for field in ("parameters", "districts"):
        if not isinstance(given.get(field, {}), Mapping):
            raise InputError(f"{field} = {given[field]!r} is not a table: write [{field}].")


def _read_districts(given: Mapping[str, Any]) -> dict[str, int]:
    districts = given.get("districts", {})
    return {name: Integer(1, 1_000_000).read(f"districts: {name}", seats) for name, seats in districts.items()}


def _read_own_parameters(given: Mapping[str, Any], districts: Mapping[str, int]) -> dict[str, Any]:
    parameters = dict(given["parameters"])
    if "parties" in parameters:
        raise InputError("parameters: parties have tables of their own: write [[parties]].")
    if not districts:
        return parameters
    for name in _BY_DISTRICTS:
        if name in parameters:
            raise InputError(f"parameters: {name} follows from the districts; leave it out, or leave [districts] out.")
    return parameters | {"n_constituencies": len(districts), "district_magnitude": list(districts.values())}


def _read_parties(given: Any) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """What each party came to in the election, by name; and the parties, which the model's own reader checks."""
    if not isinstance(given, Sequence) or not all(isinstance(party, Mapping) for party in given):
        raise InputError(f"parties = {given!r} is not a list of tables: write [[parties]].")
    results = {party.get("name"): {key: party[key] for key in _RESULTS if key in party} for party in given}
    return results, [{key: value for key, value in party.items() if key not in _RESULTS} for party in given]


def _read_shares(results: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Per cent of the votes by party."""
    shares = {}
    for name, result in results.items():
        if "vote_share" not in result:
            raise InputError(f"parties: {name!r} has no vote_share; give its per cent of the votes.")
        shares[name] = Number(0.0, 100.0, open_low=True).read(f"parties: vote_share of {name!r}", result["vote_share"])
    if sum(shares.values()) > 100.5:  # shares are rounded
        raise InputError(f"parties: the vote_shares sum to {sum(shares.values()):.1f}; they are per cent of all votes.")
    return shares


def _read_won(results: Mapping[str, Mapping[str, Any]], field: str, most: Mapping[str, int]) -> dict[str, int]:
    """Seats by party, told of all of them or of none.

    Args:
        results: of the parties.
        field: which seats.
        most: how many a party may have; none where it is not there.
    """
    if not any(field in result for result in results.values()):
        return {}
    for name, result in results.items():
        if field not in result:
            raise InputError(f"parties: {name!r} has no {field}, as others have; give its seats, or leave out all.")
    return {
        name: Integer(0, most.get(name, 0)).read(f"parties: {field} of {name!r}", result[field])
        for name, result in results.items()
    }


def _text(given: Mapping[str, Any], field: str) -> str:
    value = given[field]
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{field} = {value!r} is not allowed: it must be a text that is not empty.")
    return value


def _texts(given: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = given[field]
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one.strip() for one in value):
        raise InputError(f"{field} = {value!r} is not allowed: it must be a list of texts, with at least one.")
    return tuple(value)
