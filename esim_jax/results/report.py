"""Reports: results as text for a terminal, and one election as a file."""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from esim_jax.clusters import cluster_mappings
from esim_jax.election import ElectionResult
from esim_jax.parties import party_mappings
from esim_jax.results.export import check_destination, export_frames, write_file


def show_frame(frame: pl.DataFrame) -> str:
    """A frame as a plain table, as many columns as there are and at most 20 rows."""
    with pl.Config(
        tbl_cols=-1, tbl_rows=20, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True,
        tbl_width_chars=200, tbl_formatting="ASCII_MARKDOWN", float_precision=4,
    ):  # fmt: skip
        return str(frame)


def show_election(result: ElectionResult, parameters: Mapping[str, Any]) -> str:
    """One election as text: what was held, the parties, the metrics."""
    system = parameters["electoral_system"]
    method = f" ({parameters['allocation_method']}, threshold {parameters['threshold']:g})" if system == "PR" else ""
    width = max(len("Party"), *(len(name) for name in result.party_names))
    lines = [
        (
            f"{system}{method}: {parameters['n_voters']:,} voters, "
            f"{parameters['n_constituencies']:,} constituencies, seed {result.seed}"
        ),
        "",
        f"{'Party':<{width}}  {'Votes':>13}  {'Share':>7}  {'Seats':>7}  {'Share':>7}",
        *(
            f"{name:<{width}}  {votes:>13,}  {vote_share:>7.1%}  {seats:>7,}  {seat_share:>7.1%}"
            for name, votes, vote_share, seats, seat_share in zip(
                result.party_names, result.vote_counts, result.vote_shares, result.seats, result.seat_shares,
                strict=True,
            )
        ),
        "",
        f"Turnout                            {result.turnout:>8.1%}",
        f"Gallagher index                    {result.gallagher:>8.2f}",
        f"Effective number of parties, votes {result.enp_votes:>8.2f}",
        f"Effective number of parties, seats {result.enp_seats:>8.2f}",
        f"Voter satisfaction efficiency      {result.vse:>8.3f}",
    ]  # fmt: skip
    return "\n".join(lines)


def show_replay(
    row: int,
    config_idx: int,
    run_idx: int,
    values: Mapping[str, tuple[int | float, int | float]],
    versions: Mapping[str, tuple[str, str]],
) -> str:
    """A row of a file beside the same simulation held again, and what may explain a difference."""
    width = max(map(len, values))
    lines = [f"Row {row}: config_idx {config_idx}, run_idx {run_idx}", ""]
    for name, (then, now) in values.items():
        lines.append(f"{name:<{width}}  {then!r}" + ("" if then == now else f"  is now {now!r}"))
    differing = [name for name, (then, now) in values.items() if then != now]
    lines += ["", f"Not bit-equal: {', '.join(differing)}." if differing else "Bit-equal."]
    if differing:
        lines += [f"The file was made with {name} {then}; this is {now}." for name, (then, now) in versions.items()]
    return "\n".join(lines)


def export_election(result: ElectionResult, parameters: Mapping[str, Any], filepath: str | os.PathLike[str]) -> None:
    """Writes one election: everything as JSON, or the parties' table as CSV or Parquet.

    Raises:
        InputError: the extension is unknown or the file can't be written.
    """
    path, known = check_destination(filepath)
    if known == "json":
        plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in result.items()}
        plain["parameters"] = {
            **parameters,
            "parties": party_mappings(parameters["parties"]),
            "clusters": cluster_mappings(parameters["clusters"]),
        }
        text = json.dumps(plain, ensure_ascii=False, indent=2, default=str)
        write_file(path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))
        return
    parties = pl.DataFrame(
        {
            "party": list(result.party_names),
            "votes": result.vote_counts,
            "vote_share": result.vote_shares,
            "seats": result.seats,
            "seat_share": result.seat_shares,
        }
    )
    export_frames([parties], path)
