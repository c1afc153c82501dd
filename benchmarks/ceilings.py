"""How fast the kernel could be: what a voter costs, and the ceiling of each part on this machine.

    python benchmarks/ceilings.py [--cores N] [--seconds S] [--json]

Each part is timed alone in a loop like the kernel's: blocks of 256 x 128 lanes, walked by one loop, added up as
integers (a sum of floats would be a scalar loop, since a compiler may not reorder it). The bound of the kernel is as if
it did nothing but these parts, one after another. By default all runs on one core, so that threads play no part.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from tables import Row, Table

from esim_jax.chunks import Program, Span, make_cutter, spread
from esim_jax.config import read_parameters
from esim_jax.model.elementary import exp, log, polynomial
from esim_jax.model.quantiles import ECONOMIC_LEAN, NORMAL, TRAIT_DIFFERENCE
from esim_jax.model.scenario import seed_scenarios
from esim_jax.plan import Plan, make_plan
from esim_jax.random import as_uint64, random_words
from esim_jax.rows import tabulate_constituencies, tabulate_rows
from esim_jax.simulate import simulate_voters

BLOCK = (256, 128)
PARTIES = 3
TURNOUT_ADDS = 4 * 5  # four polynomials of degree 5, for the four penalties
KERNEL_INSTRUCTIONS, CIPHER_INSTRUCTIONS = 480, 170  # vector instructions for 16 voters, counted in the machine code
MANY = 16  # evaluations a lane, so that making the lane's argument counts for little

Body = Callable[[Array], Array]


def polynomial_steps() -> int:
    """Fused multiply-adds of a voter's polynomials, those within logarithms and exponentials not counted."""
    quantiles = (ECONOMIC_LEAN, TRAIT_DIFFERENCE, NORMAL)
    # v b(w) is added to a(w): one step more
    return TURNOUT_ADDS + sum(len(q.even) - 1 + len(q.odd) - 1 + 1 for q in quantiles)


def words(index: Array) -> Array:
    """Four random words of each lane."""
    key = (jnp.uint32(12345), jnp.uint32(678))
    first, second = random_words(key, index, 0), random_words(key, index, 1)
    return _as_int(first[0] + first[1] + second[0] + second[1])


def apply_many(function: Callable[[Array], Array], index: Array) -> Array:
    """The sum of `function` at MANY floats in [1/2, 1) for each lane, as integers."""
    total = jnp.zeros(index.shape, jnp.int32)
    for k in range(MANY):
        bits = (index + np.uint32(k * 0x1234567)) & np.uint32(0x7F_FFFF) | np.uint32(0x3F00_0000)
        total = total + _as_int(function(lax.bitcast_convert_type(bits, jnp.float32)))
    return total


def long_polynomial(x: Array) -> Array:
    """A polynomial of degree 16."""
    return polynomial(tuple(1.0 / (k + 1) for k in range(17)), x)


def _as_int(value: Array) -> Array:
    return lax.bitcast_convert_type(value, jnp.int32)


@partial(jax.jit, static_argnums=0, compiler_options={"xla_cpu_prefer_vector_width": 512})
def add_up(body: Body, n_blocks: Array) -> Array:
    """The sum of `body` over all lanes of all blocks."""
    lane = lax.broadcasted_iota(jnp.uint32, BLOCK, 0) * np.uint32(BLOCK[1]) + lax.broadcasted_iota(jnp.uint32, BLOCK, 1)

    def add_block(step: Array, total: Array) -> Array:
        index = lane + step.astype(jnp.uint32) * np.uint32(BLOCK[0] * BLOCK[1])
        return total + lax.reduce(body(index), np.int32(0), lax.add, (1,))

    return lax.fori_loop(np.int32(0), n_blocks, add_block, jnp.zeros(BLOCK[0], jnp.int32))


def ceiling(body: Body, per_lane: int, seconds: float) -> float:
    """How many of a part a second, at best."""

    def run(n_blocks: int) -> float:
        start = time.perf_counter()
        add_up(body, np.int32(n_blocks)).block_until_ready()
        return time.perf_counter() - start

    run(1)
    n_blocks = 64
    while (once := run(n_blocks)) < 0.02:
        n_blocks *= 2
    best = min([once, *(run(n_blocks) for _ in range(max(3, int(seconds / once))))])
    return n_blocks * BLOCK[0] * BLOCK[1] * per_lane / best


def kernel_speed(seconds: float) -> float:
    """Voters a second of the compiled program alone, its tables made beforehand."""
    n_runs, n_voters = 100, 100_000
    parameters = [read_parameters({"n_voters": n_voters})]
    cutter = make_cutter(parameters)
    chunk = (Span(0, 0, n_runs),)
    plan: Plan = make_plan(parameters, Program("voters"), jax.local_devices()[:1], cutter.load(chunk))
    configuration, run = spread(chunk)
    seeds = run.astype(np.uint64) * np.uint64(77_777) + as_uint64(1)
    scenarios = seed_scenarios(plan.scenarios, configuration, seeds, plan.capacity.simulations)
    size = plan.scenarios.n_voters[configuration], plan.scenarios.n_constituencies[configuration]
    constituencies = tabulate_constituencies(*size, plan.capacity)
    rows = tabulate_rows(seeds, *size, plan.capacity)

    def once() -> float:
        start = time.perf_counter()
        jax.block_until_ready(simulate_voters(scenarios, constituencies, rows, plan.systems, plan.devices))
        return time.perf_counter() - start

    once()
    first = once()
    return n_runs * n_voters / min([first, *(once() for _ in range(max(3, int(seconds / first))))])


def measure(seconds: float) -> list[Row]:
    """One row a part, then the bounds and the kernel itself."""
    parts: tuple[tuple[str, int, Body, int], ...] = (
        ("random words (threefry)", 4, words, 4),
        ("logarithms", 3, partial(apply_many, log), MANY),
        ("exponentials", PARTIES, partial(apply_many, lambda x: exp(-x)), MANY),
        ("square roots", PARTIES, partial(apply_many, jnp.sqrt), MANY),
        ("multiply-adds of polynomials", polynomial_steps(), partial(apply_many, long_polynomial), 16 * MANY),
    )
    rows = []
    with jax.enable_x64(True):
        for name, count, body, per_lane in parts:
            rows.append(_row(name, count, ceiling(body, per_lane, seconds)))
    rows.append(
        {"part": "bytes to or from memory", "a voter": 0, "ceiling M/s": None, "ns a voter": 0.0, "M voters/s": None}
    )
    bound = 1e3 / sum(row["ns a voter"] for row in rows)
    cipher = rows[0]["M voters/s"] * CIPHER_INSTRUCTIONS / KERNEL_INSTRUCTIONS
    kernel = kernel_speed(seconds) / 1e6
    totals = (
        ("bound: these parts alone", bound),
        ("bound: all instructions at the cipher's rate", cipher),
        ("the kernel", kernel),
    )
    return rows + [
        {"part": name, "a voter": None, "ceiling M/s": None, "ns a voter": 1e3 / speed, "M voters/s": speed}
        for name, speed in totals
    ]


def _row(name: str, count: int, speed: float) -> Row:
    return {
        "part": name,
        "a voter": count,
        "ceiling M/s": speed / 1e6,
        "ns a voter": 1e9 * count / speed,
        "M voters/s": speed / count / 1e6,
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="What a voter costs, and the ceiling of each part on this machine.")
    parser.add_argument("--cores", type=int, default=1, metavar="N", help="cores to run on (default 1)")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="spent on each part (default 2)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args: Any = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # before JAX makes its threads
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.cores])
    rows = measure(args.seconds)
    if args.json:
        print(json.dumps(rows))
    else:
        Table("ceilings", f"A voter of the engine voters, {PARTIES} parties, {args.cores} core(s)", rows).print()


if __name__ == "__main__":
    main()
