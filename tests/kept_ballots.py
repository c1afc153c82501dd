"""The ballots that a poll keeps, or that an engine draws by type, read back: what the tests count by plain rules."""

from collections import Counter

import jax
import numpy as np

from esim_jax import simulate
from esim_jax.chunks import Program, Span, make_cutter, program_for
from esim_jax.config import read_parameters
from esim_jax.model.candidates import count_candidates
from esim_jax.model.scenario import options, seed_scenarios
from esim_jax.model.voters import find_voter_model
from esim_jax.plan import make_plan
from esim_jax.rows import tabulate_constituencies, tabulate_rows


def keep(kinds, seeds=(0,), **parameters):
    """The words of each kind and the constituency of each voter, in rows; those of seed k lie after those of k - 1."""
    p = read_parameters(parameters)
    model, n = find_voter_model(p), len(seeds)
    load = make_cutter([p]).load((Span(0, 0, n),))
    plan = make_plan([p], Program("voters", True, model), jax.devices(), load)
    configuration, capacity = np.zeros(n, int), plan.poll_capacity
    scenarios = seed_scenarios(plan.scenarios, configuration, np.array(seeds, np.uint64), capacity.simulations)
    size = plan.scenarios.n_voters[configuration], plan.scenarios.n_constituencies[configuration]
    rows = tabulate_rows(np.arange(n, dtype=np.uint64), *size, capacity)
    with jax.enable_x64(True):
        asked = scenarios, tabulate_constituencies(*size, capacity), rows
        kept = simulate._poll_voters(*asked, simulate._mesh(tuple(jax.devices())), model, tuple(kinds))
        words = jax.device_get(kept.words(kinds, count_candidates(len(options(p)), model.candidates)))
    constituency = np.asarray(kept.constituency)
    in_use = int(rows.n_rows)
    read = {kind: np.stack(of_kind).astype(np.uint64)[:, :in_use] for kind, of_kind in words.items()}
    lanes = read[kinds[0]].shape[-1]
    return read, np.broadcast_to(constituency[:in_use, None], (in_use, lanes))


def keep_types(seeds, **parameters):
    """Of each seed and constituency how often each ranking was cast: by the engines that draw no voters."""
    p, metrics = read_parameters(parameters), ("condorcet_winner",)
    engine, n = p["engine"], len(seeds)
    plan = make_plan([p], program_for(p, metrics), jax.devices(), make_cutter([p]).load((Span(0, 0, n),)), metrics)
    configuration, room = np.zeros(n, int), plan.capacity.simulations
    scenarios = seed_scenarios(plan.scenarios, configuration, np.array(seeds, np.uint64), room)
    size = plan.scenarios.n_voters[configuration], plan.scenarios.n_constituencies[configuration]
    where = tabulate_constituencies(*size, plan.capacity, plan.magnitudes.of(configuration))
    law, place = plan.laws.of(configuration, room)
    with jax.enable_x64(True):
        votes, _ = simulate._tally_law(engine, scenarios, where, law.choice, place)
        ballots = jax.device_get(simulate._rank_law(engine, scenarios, where, votes, law.ranking, place))
    rankings, per = rankings_of(np.stack(ballots.rankings).astype(np.uint64)).tolist(), p["n_constituencies"]
    found = [[Counter() for _ in range(per)] for _ in seeds]
    for c in range(n * per):
        for ranking, count in zip(rankings[c], ballots.counts[c].tolist(), strict=True):
            found[c // per][c % per][tuple(party for party in ranking if party >= 0)] += count
    return found


def fields(words, bits, a_word):
    """Numbers of so many bits, so many a word, along a last axis."""
    shift = np.arange(a_word, dtype=np.uint64) * np.uint64(bits)
    apart = (words[..., None] >> shift) & np.uint64((1 << bits) - 1)
    return np.concatenate(list(apart), axis=-1).astype(int)


def rankings_of(words):
    """The party at each place, from 0; -1 for nobody."""
    return fields(words, 4, 8) - 1


def scores_of(words, n_parties):
    return fields(words, 3, 10)[..., :n_parties]


def approvals_of(words, n_parties):
    return fields(words, 1, 32)[..., 1 : 1 + n_parties].astype(bool)
