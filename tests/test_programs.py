"""Programs that are kept whole: what they go by, and that a kept one does what a new one does."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from esim_jax import programs
from esim_jax.config import read_parameters
from esim_jax.model.voters import find_voter_model
from esim_jax.programs import CompiledFunction
from esim_jax.systems import find_system


def scale(numbers, factor):
    return {"scaled": numbers * factor, "n": numbers.shape[0]}


def function():
    return CompiledFunction(scale, static=(1,))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "keep_compiled_programs", lambda: tmp_path / "compiled")
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    seconds = jax.config.values["jax_persistent_cache_min_compile_time_secs"]
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1e9)  # nothing comes out of JAX's own cache
    yield tmp_path / "compiled-programs"
    jax.config.update("jax_persistent_cache_min_compile_time_secs", seconds)


def value(function, n=3, factor=2):
    with jax.enable_x64(True):
        return np.asarray(function(np.arange(n), factor)["scaled"]).tolist()


def test_another_process_takes_the_program_without_following_the_function(folder):
    assert value(function()) == [0, 2, 4]
    [file] = folder.iterdir()
    before = file.read_bytes()

    def never(*_):
        raise AssertionError("it was followed again")

    again = function()  # as in another process: nothing is known but the files
    again.jitted = never
    assert value(again) == [0, 2, 4]
    assert file.read_bytes() == before
    assert [*folder.iterdir()] == [file]


@pytest.mark.parametrize("other", [{"n": 4}, {"factor": 3}])
def test_other_shapes_and_constants_are_other_programs(folder, other):
    first = function()
    assert value(first) == [0, 2, 4]
    assert value(first, **other) == [k * other.get("factor", 2) for k in range(other.get("n", 3))]
    assert first.n_programs == len([*folder.iterdir()]) == 2


@pytest.mark.parametrize("change", ["source", "options", "name"])
def test_what_a_program_is_made_from_is_in_its_name(folder, monkeypatch, change):
    value(function())
    other = function()
    if change == "source":
        monkeypatch.setattr(programs, "_surroundings", lambda: ("another version of the package",))
    elif change == "options":
        monkeypatch.setattr(programs, "_OPTIONS", {"xla_cpu_prefer_vector_width": 256})
    else:
        other._name = "another"
    value(other)
    assert len([*folder.iterdir()]) == 2


@pytest.mark.parametrize("content", [b"", b"nonsense", "half"])
def test_a_damaged_file_is_made_anew(folder, content):
    value(function())
    [file] = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    assert value(function()) == [0, 2, 4]
    assert len(file.read_bytes()) > len(whole) // 2
    again = function()
    again.jitted = None
    assert value(again) == [0, 2, 4]


def test_a_folder_that_can_not_be_written_costs_nothing(folder):
    folder.write_text("a file stands where the folder should be")
    assert value(function()) == [0, 2, 4]


def test_a_failure_in_the_function_is_its_own(folder):
    def fail(numbers):
        raise ValueError("no such thing")

    with jax.enable_x64(True), pytest.raises(ValueError, match="no such thing"):
        CompiledFunction(fail, static=())(jnp.zeros(2))
    assert not folder.exists()


def test_the_files_used_least_recently_go_first(folder):
    folder.mkdir()
    for age, name in enumerate(["new", "older", "oldest"]):
        (folder / name).write_bytes(b"0123456789")
        os.utime(folder / name, (1_000 - age, 1_000 - age))
    programs._remove_oldest(folder, 25)
    assert sorted(file.name for file in folder.iterdir()) == ["new", "older"]


def test_voter_models_and_systems_are_told_in_words():
    models = [
        find_voter_model(read_parameters(given))
        for given in (
            {}, {"temperature": 0.0}, {"local_appeal": 0.2}, {"voter_model": "spatial_normal"},
            {"voter_model": "spatial_uniform"}, {"voter_model": "spatial_normal", "voter_correlation": 0.5},
            {"voter_model": "mallows"}, {"voter_model": "single_peaked"},
        )
    ]  # fmt: skip
    told = [programs._tell(model) for model in models]
    assert len({*told}) == len(models)
    assert not any(" at 0x" in text for text in told)
    systems = [find_system(read_parameters({"electoral_system": name})) for name in ("FPTP", "PR", "IRV", "STV")]
    assert len({programs._tell(system) for system in systems}) == 4


def test_a_program_with_a_user_s_function_in_it_is_not_kept(folder):
    def near(voters, parties):
        return [-abs(voters.x - party.x) for party in parties]

    model = find_voter_model(read_parameters({"behaviour": near}))
    with pytest.raises(programs._UnknownError):
        programs._tell(model)
    with jax.enable_x64(True):
        CompiledFunction(lambda x, _: x + 1, static=(1,))(np.arange(3), model)
    assert not folder.exists()
