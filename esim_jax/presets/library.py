"""The presets that come with the package."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from esim_jax.errors import InputError
from esim_jax.kinds import nearest
from esim_jax.presets.preset import Preset
from esim_jax.presets.reading import parse_preset

_SUFFIX = ".toml"

_OTHER_NAMES = {
    "uk": "united_kingdom", "great_britain": "united_kingdom", "britain": "united_kingdom",
    "us": "united_states", "usa": "united_states", "united_states_of_america": "united_states",
    "czech_republic": "czechia", "holland": "netherlands", "the_netherlands": "netherlands",
    "korea": "south_korea", "republic_of_korea": "south_korea",
}  # fmt: skip
"""What countries are also called."""


def list_presets() -> tuple[str, ...]:
    """The names of all presets, in order.

    >>> list_presets()[:3]
    ('australia', 'austria', 'botswana')
    """
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in _folder().iterdir() if file.name.endswith(_SUFFIX)))


def read_preset(name: Any) -> Preset:
    """One preset, checked.

    Args:
        name: a text as `list_presets` has it, in any case, also with spaces or hyphens; or another name of the
            country, such as "USA".

    Raises:
        InputError: there is no such preset, or its file does not hold what it must.

    >>> preset = read_preset("norway")
    >>> preset.house, preset.seats, preset.districts["Oslo"], preset.parameters["levelling_seats"]
    ('Stortinget', 169, 19, 19)
    >>> read_preset("New Zealand").name, read_preset("UK").name
    ('new_zealand', 'united_kingdom')
    """
    known = list_presets()
    found = _file_name(name) if isinstance(name, str) else None
    if found not in known:
        raise InputError(f"preset = {name!r} is unknown.{nearest(name, known)} Known are {', '.join(known)}.")
    return _read_file(f"{found}{_SUFFIX}")


def _file_name(name: str) -> str:
    """A country's name as files have it.

    >>> _file_name(" South-Korea "), _file_name("USA")
    ('south_korea', 'united_states')
    """
    words = "_".join(name.lower().replace("-", " ").replace("_", " ").split())
    return _OTHER_NAMES.get(words, words)


@cache
def _read_file(file: str) -> Preset:
    return parse_preset(_folder().joinpath(file).read_text(encoding="utf-8"), file)


def _folder() -> Traversable:
    return files("esim_jax.presets").joinpath("data")
