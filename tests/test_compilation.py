"""Start-up: compiled programs that outlive the process, and how little `--help` loads."""

import json
import os
import resource
import subprocess
import sys

import pytest

from esim_jax.compilation import _remove_halves

SWEEP = {"parameters": {"temperature": [0.3, 0.5]}, "fixed_params": {"n_voters": 2_000}, "seed": 1}
HELP_CPU_S = 0.3


def batch(folder, **environment):
    """One process of the command line; gives the bytes of its results."""
    config, output = folder / "sweep.json", folder / "results.csv"
    config.write_text(json.dumps(SWEEP))
    command = [
        sys.executable,
        "-m",
        "esim_jax.cli",
        "batch",
        "--config",
        str(config),
        "--output",
        str(output),
        "--quiet",
    ]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ESIM_JAX", "JAX_COMPILATION"))}
    subprocess.run(command, env=inherited | environment, check=True)
    return output.read_bytes()


def files(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_second_process_finds_what_the_first_compiled(tmp_path):
    cache = tmp_path / "cache"
    first = batch(tmp_path, ESIM_JAX_CACHE=str(cache))
    compiled = files(cache)
    assert any("tally_voters" in str(path) for path in compiled)
    assert batch(tmp_path, ESIM_JAX_CACHE=str(cache)) == first
    again = files(cache)
    assert {path for path in again if "atime" not in str(path)} == {p for p in compiled if "atime" not in str(p)}


@pytest.mark.slow
def test_programs_that_come_out_of_jax_s_own_cache_do_no_harm(tmp_path):
    """They lack their functions once they are kept again: such a program fails when it is run."""
    cache = tmp_path / "cache"
    first = batch(tmp_path, ESIM_JAX_CACHE=str(cache))
    kept = [path for path in cache.rglob("*") if path.parent.name.endswith("-programs")]
    assert len(kept) >= 2
    for path in kept:
        path.unlink()
    assert batch(tmp_path, ESIM_JAX_CACHE=str(cache)) == first
    assert batch(tmp_path, ESIM_JAX_CACHE=str(cache)) == first


@pytest.mark.slow
def test_by_default_it_lies_in_the_users_cache_folder_and_can_be_turned_off(tmp_path):
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "user-cache")}
    off = batch(tmp_path, ESIM_JAX_CACHE="off", **environment)
    assert not (tmp_path / "user-cache").exists()
    assert batch(tmp_path, **environment) == off
    assert any("tally_voters" in str(path) for path in files(tmp_path / "user-cache" / "esim_jax"))
    # JAX's own setting is left alone
    assert batch(tmp_path, JAX_COMPILATION_CACHE_DIR=str(tmp_path / "jax"), XDG_CACHE_HOME=str(tmp_path / "c")) == off
    assert not (tmp_path / "c").exists()


def test_an_entry_over_which_a_process_was_killed_is_removed(tmp_path):
    half, new, whole = (tmp_path / f"{name}-cache" for name in ("half", "new", "whole"))
    for entry in (half, new, whole):
        entry.write_bytes(b"...")
    (tmp_path / "whole-atime").write_bytes(b"........")
    for entry in (half, whole):
        os.utime(entry, (0, 0))
    _remove_halves(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new-cache", "whole-atime", "whole-cache"]


def test_help_takes_little_time():
    """CPU seconds of the best of five processes: a machine under load is no slower for it."""
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "esim_jax.cli", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < HELP_CPU_S
