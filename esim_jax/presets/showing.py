"""Presets as text for a terminal."""

import textwrap
from collections.abc import Sequence

from esim_jax.presets.preset import Preset

_HEADER = ("name", "country", "house", "seats", "system", "year")
_WIDTH = 100


def show_presets(presets: Sequence[Preset]) -> str:
    """A table with one line a preset."""
    rows = [_HEADER, *(_row(preset) for preset in presets)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if name == "seats" else cell.ljust(width)
            for name, cell, width in zip(_HEADER, row, widths, strict=True)
        ).rstrip()
        for row in rows
    )


def show_preset(preset: Preset) -> str:
    """All that is known of one preset.

    >>> from esim_jax.presets import read_preset
    >>> print(show_preset(read_preset("uruguay")).splitlines()[0])
    uruguay: Cámara de Representantes of Uruguay, 99 seats, PR, 2024
    """
    won = preset.seats_won
    shares = ", ".join(
        f"{name} {share:g} %" + (f" ({won[name]})" if won else "") for name, share in preset.vote_shares.items()
    )
    rules = [
        f"{name} = {value}"
        for name, value in preset.parameters.items()
        if name not in ("parties", "district_magnitude") or isinstance(value, int)
    ]
    districts = ", ".join(f"{name} {seats}" for name, seats in preset.districts.items())
    parts = [
        ("Parameters", rules),
        ("Seats of districts", [districts] if districts else []),
        (f"Parties, and their shares of the votes{' (and seats)' if won else ''}", [shares]),
        ("Positions of the parties", [preset.positions]),
        ("Sources", preset.sources),
        ("Not modelled", preset.not_modelled),
    ]
    lines = [
        f"{preset.name}: {preset.house} of {preset.country}, {preset.seats:,} seats, {_system(preset)}, {preset.year}"
    ]
    for title, items in parts:
        if items:
            lines += ["", title]
            for item in items:
                lines += textwrap.wrap(
                    item, _WIDTH, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False
                )
    return "\n".join(lines)


def _row(preset: Preset) -> tuple[str, ...]:
    seats = f"{preset.seats:,}"
    return preset.name, preset.country, preset.house, seats, _system(preset), str(preset.year)


def _system(preset: Preset) -> str:
    return str(preset.parameters["electoral_system"])
