"""All tests of a run share the programs that they compile, in a folder that goes with the run; long files go first."""

import os
import shutil
import tempfile
from pathlib import Path

_CACHE = Path(tempfile.gettempdir()) / f"esim_jax-tests-{os.getpid()}"
os.environ.setdefault("ESIM_JAX_CACHE", str(_CACHE))  # the processes that pytest-xdist starts inherit it

_LONG = (
    "test_durability", "test_run_dir", "test_promises", "test_ranking_types", "test_engines", "test_distributed",
    "test_law", "test_voter_models", "test_export", "test_polls", "test_presets", "test_contract", "test_multinomial",
    "test_ranked_elections", "test_safety", "test_memory",
    "test_list_systems", "test_metric_columns", "test_examples", "test_own_models", "test_binomial", "test_geography",
    "test_systems", "test_common_random_numbers", "test_ranked_rules", "test_electorate", "test_election_oracle",
    "test_strategic", "test_local_model", "test_command_line", "test_compilation", "test_entities", "test_batches",
    "test_openapi", "test_specification", "limit",
)  # fmt: skip
"""The files that take longest, the longest first; how long is no promise, and the order within a file is its own."""


def pytest_configure(config):
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # with --dist loadfile: files in our order, not by their number of tests


def pytest_collection_modifyitems(items):
    place = {name: number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_unconfigure():
    shutil.rmtree(_CACHE, ignore_errors=True)
