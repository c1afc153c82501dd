"""Batches and simulations as clients see them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from service.batches.schemas import BatchData, Budget, Counts, Parameters, SimulationData, Usage
from service.batches.store import Tally, status_of
from service.batches.tables import Batch, Simulation


def batch_data(
    batch: Batch, tally: Tally, entity_ids: Sequence[str], simulations: list[SimulationData] | None
) -> BatchData:
    """A batch, with its simulations where these are given."""
    return BatchData(
        id=batch.id,
        name=batch.name,
        timestamp=batch.created_at,
        description=batch.description,
        context=batch.context,
        status=status_of(batch, tally.counts),
        metadata=batch.details,
        counts=Counts(total=tally.total, **{status: tally.counts.get(status, 0) for status in _COUNTED}),
        usage=Usage(calls=tally.calls, prompt_tokens=tally.prompt_tokens, completion_tokens=tally.completion_tokens),
        parameters=Parameters(
            entity_ids=list(entity_ids),
            interaction_type=batch.interaction_type,
            interaction_size=batch.interaction_size,
            num_simulations=tally.total,
            n_turns=batch.n_turns,
            simulation_rounds=batch.simulation_rounds,
            language=batch.language,
            model=batch.model,
            temperature=batch.temperature,
            max_tokens=batch.max_tokens,
            seed=batch.seed,
            cache=batch.use_cache,
            prompt_version=batch.prompt_version,
            budget=Budget(max_calls=batch.max_calls, max_tokens=batch.max_total_tokens),
        ),
        simulations=simulations,
    )


_COUNTED = ("pending", "in_progress", "completed", "failed", "cancelled")


def simulation_data(batch: Batch, simulation: Simulation | sa.Row[Any]) -> SimulationData:
    """A simulation with its transcript."""
    return SimulationData(
        id=simulation.id,
        sequence_number=simulation.sequence_number,
        timestamp=simulation.started_at or simulation.created_at,
        interaction_type=batch.interaction_type,
        entity_ids=simulation.entity_ids,
        status=simulation.status,
        error=simulation.error,
        replicate=simulation.replicate,
        content=simulation.content,
        usage=Usage(
            calls=simulation.calls,
            prompt_tokens=simulation.prompt_tokens,
            completion_tokens=simulation.completion_tokens,
        ),
        metadata={
            "n_turns": batch.n_turns,
            "simulation_rounds": batch.simulation_rounds,
            "final_turn_number": simulation.turns_done,
        },
    )
