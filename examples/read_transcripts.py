"""Transcripts in Polars: who took part, and who said how much.

Run it with the files that the service gives for a batch:

    curl -OJ "http://127.0.0.1:8000/api/batch-simulations/BATCH-ID/export?format=parquet"
    python examples/read_transcripts.py BATCH-ID.parquet

A CSV has a row for each simulation, a Parquet file one for each utterance. Without files it
reads the samples beside it.
"""

import sys
from pathlib import Path

import polars as pl

SAMPLES = [Path(__file__).with_name("transcripts.csv"), Path(__file__).with_name("transcripts.parquet")]


def took_part(path: Path) -> pl.DataFrame:
    """From a CSV: the simulations of each entity."""
    simulations = pl.read_csv(path, schema_overrides={"entity_names": pl.String, "completion_tokens": pl.Int64})
    return (
        simulations.with_columns(name=pl.col("entity_names").str.json_decode(pl.List(pl.String)))
        .explode("name")
        .group_by("name")
        .agg(
            simulations=pl.len(),
            completed=(pl.col("status") == "completed").sum(),
            tokens_by_all=pl.col("completion_tokens").sum(),
        )
        .sort("simulations", "name", descending=[True, False])
    )


def spoke(path: Path) -> pl.DataFrame:
    """From a Parquet file: the utterances and words of each entity, spoken and thought."""
    spoken, thought = (pl.col(column).str.count_matches(r"\S+") for column in ("speech", "thought"))
    return (
        pl.read_parquet(path)
        .group_by("name")
        .agg(
            utterances=pl.len(),
            words_spoken=spoken.sum(),
            words_thought=thought.sum(),
            words_each_time=spoken.mean().round(1),
        )
        .sort("words_spoken", "name", descending=[True, False])
    )


READERS = {".csv": took_part, ".parquet": spoke}


def main(arguments: list[str]) -> None:
    paths = [Path(argument) for argument in arguments]
    known = [path for path in paths if path.suffix in READERS]
    for path in paths:
        if path not in known:
            print(f"{path} is left out: it is neither a .csv nor a .parquet file.", file=sys.stderr)
    for path in known or SAMPLES:
        if not path.is_file():
            sys.exit(f"{path} can't be read: there is no such file.")
        try:
            table = READERS[path.suffix](path)
        except OSError as error:
            sys.exit(f"{path} can't be read: {error.strerror or error}.")
        except pl.exceptions.PolarsError as error:
            sys.exit(f"{path} is not an export of the service: {error}")
        print(f"{path.name}:", table, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
