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
    vote_shares, parties = _read_parties(given["parties"])
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


def _read_parties(given: Any) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """The shares of the votes, and the parties without them, which the model's own reader checks."""
    if not isinstance(given, Sequence) or not all(isinstance(party, Mapping) for party in given):
        raise InputError(f"parties = {given!r} is not a list of tables: write [[parties]].")
    shares = {}
    for party in given:
        name = party.get("name")
        if "vote_share" not in party:
            raise InputError(f"parties: {name!r} has no vote_share; give its per cent of the votes.")
        shares[name] = Number(0.0, 100.0, open_low=True).read(f"parties: vote_share of {name!r}", party["vote_share"])
    if sum(shares.values()) > 100.5:  # shares are rounded
        raise InputError(f"parties: the vote_shares sum to {sum(shares.values()):.1f}; they are per cent of all votes.")
    return shares, [{key: value for key, value in party.items() if key != "vote_share"} for party in given]


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
