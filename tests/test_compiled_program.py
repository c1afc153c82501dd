"""The compiled programs themselves: what they lower for, what they hold in memory."""

import jax
import numpy as np
import pytest

from esim_jax import ElectionModel, simulate
from esim_jax.chunks import Program, Span, make_cutter
from esim_jax.config import read_parameters
from esim_jax.model.scenario import seed_scenarios
from esim_jax.model.voters import DEMOGRAPHIC
from esim_jax.plan import make_plan
from esim_jax.rows import tabulate_constituencies, tabulate_rows
from esim_jax.systems import find_system
from esim_jax.tally import rows_at_once, tally_rows


def arguments(n_simulations, **parameters):
    """What `_tally_voters` is called with for one chunk."""
    p = read_parameters(parameters)
    devices = jax.devices()
    plan = make_plan([p], Program("voters"), devices, make_cutter([p]).load((Span(0, 0, n_simulations),)))
    configuration, seeds = np.zeros(n_simulations, int), np.arange(n_simulations, dtype=np.uint64)
    scenarios = seed_scenarios(plan.scenarios, configuration, seeds, plan.capacity.simulations)
    size = plan.scenarios.n_voters[configuration], plan.scenarios.n_constituencies[configuration]
    tables = tabulate_constituencies(*size, plan.capacity), tabulate_rows(seeds, *size, plan.capacity)
    block_rows = rows_at_once(devices[0].platform, plan.capacity.rows, len(devices), 1)
    return scenarios, *tables, simulate._mesh(tuple(devices)), block_rows, 1, DEMOGRAPHIC


def programs(n_simulations, **parameters):
    """Both programs of a chunk, traced: to the tallies, and from there to the outcome of FPTP elections."""
    with jax.enable_x64(True):
        given = arguments(n_simulations, **parameters)
        tally = simulate._tally_voters.jitted.trace(*given)
        tallies = [jax.ShapeDtypeStruct(shape.shape, shape.dtype) for shape in tally.out_info]
        fptp = (find_system(read_parameters(parameters)),)
        return tally, simulate._decide.jitted.trace(*given[:2], fptp, *tallies)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_the_program_lowers_for_accelerators_that_aren_t_here(platform):
    with jax.enable_x64(True):
        tally, decide = (
            program.lower(lowering_platforms=(platform,)).as_text() for program in programs(4, n_voters=3_000)
        )
        given = arguments(4, n_voters=3_000)
        kernel = jax.jit(tally_rows, static_argnums=(3, 4, 5, 6, 7)).trace(*given[:3], 128, 1, 0, 1, DEMOGRAPHIC)
        kernel_text = kernel.lower(lowering_platforms=(platform,)).as_text()
    assert "callback" not in tally + decide
    assert "custom_call" not in kernel_text
    assert "f64" in decide  # the metrics are: the next line would notice one
    assert "f64" not in tally


def test_temporary_memory_does_not_grow_with_the_voters():
    """No array of rows x voters: 16.8 million voters and 1 million take the same few kilobytes beyond the tables."""
    with jax.enable_x64(True):
        small, large = (
            simulate._tally_voters.jitted.lower(*arguments(1, n_voters=n)).compile().memory_analysis()
            for n in (2**20, 2**24)
        )
    assert abs(large.temp_size_in_bytes - small.temp_size_in_bytes) < 16_384
    assert large.temp_size_in_bytes < 200_000


def test_temporary_memory_is_bounded_whatever_the_number_of_simulations():
    """A sweep's chunks have one capacity: a million simulations run in the memory of one chunk."""
    p = read_parameters({"n_voters": 2_000, "n_constituencies": 20})
    cutter = make_cutter([p])
    loads = [cutter.largest(cutter.cut([Span(0, 0, n)])) for n in (2_000, 1_000_000)]
    assert loads[0] == loads[1]
    with jax.enable_x64(True):
        both = programs(loads[0].simulations, n_voters=2_000, n_constituencies=20)
        memory = [program.lower().compile().memory_analysis() for program in both]
    assert all(part.temp_size_in_bytes < 16 * 2**20 for part in memory)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_parties", "beside"),
    [
        (15, {}),
        (7, {"candidates_per_party": 2}),
        (5, {"candidates_per_party": 3}),
        (15, {"voter_model": "single_peaked_conitzer"}),
    ],
)
def test_the_loop_that_asks_voters_is_not_cut_in_pieces(n_parties, beside):
    """XLA cuts loops that have far more operations, and they are then up to a thousand times as slow."""
    simulate._poll_voters.clear()
    parties = [{"name": f"party {k}", "position_x": 0.1 * k - 0.7} for k in range(n_parties)]
    given = {"parties": parties, "electoral_system": "IRV", "n_voters": 300, **beside}
    ElectionModel(**given, seed=0).run_election()
    (program,) = simulate._poll_voters._programs.values()
    computations = program.as_text().split("\n}\n")
    longest = max(computation.count(" = ") for computation in computations)
    assert 500 < longest < 3_500
