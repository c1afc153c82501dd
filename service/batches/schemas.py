"""What clients send and get about batches."""

import math
from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)
from pydantic.config import JsonDict

from service.batches.tables import BatchStatus, InteractionType, SimulationStatus
from service.texts import Content, Name

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]

_EXAMPLE: JsonDict = {
    "name": "Climate Change Discussion",
    "description": "Simulating how different entities discuss climate change solutions",
    "context": "A panel discussion about potential solutions to climate change",
    "entity_ids": ["entity-id-1", "entity-id-2", "entity-id-3", "entity-id-4"],
    "interaction_size": 2,
    "num_simulations": 3,
    "n_turns": 2,
    "simulation_rounds": 1,
    "metadata": {"category": "climate", "tags": ["environment", "discussion"]},
}


def interaction_type(size: int) -> InteractionType:
    """What an interaction of so many entities is called.

    >>> interaction_type(2)
    'dyadic'
    """
    return "solo" if size == 1 else "dyadic" if size == 2 else "group"


class Budget(Content):
    """What a batch may spend; it stops, as `partial`, when one of the two is reached."""

    max_calls: Annotated[int | None, Field(ge=1, le=2**31 - 1, description="Model calls")] = None
    max_tokens: Annotated[
        int | None, Field(ge=1, le=2**31 - 1, description="Tokens of prompts and answers; calls in flight are finished")
    ] = None


class NewBatch(Content):
    """A batch to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    description: str = ""
    context: Annotated[str, Field(min_length=1, description="What all simulations of the batch are about")]
    entity_ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)]
    interaction_size: Annotated[int, Field(ge=1, description="Entities in a simulation")]
    num_simulations: Annotated[int, Field(ge=1)]
    n_turns: Annotated[int, Field(ge=1, le=10_000, description="Turns a round; everybody speaks once a turn")] = 1
    simulation_rounds: Annotated[int, Field(ge=1, le=10_000)] = 1
    interaction_type: Annotated[
        InteractionType | None, Field(description="Follows from interaction_size; if given it must agree")
    ] = None
    language: Annotated[Name | None, Field(description="In which to speak, such as 'Spanish'")] = None
    model: Annotated[Name | None, Field(description="By default the service's own")] = None
    temperature: Annotated[float | None, Field(ge=0, le=2, allow_inf_nan=False)] = None
    max_tokens: Annotated[int | None, Field(ge=1, le=1_000_000, description="Of one answer")] = 512
    seed: Annotated[
        int | None, Field(ge=0, lt=2**53, description="Of the choice of combinations and of the model's sampling")
    ] = None
    on_excess: Annotated[
        Literal["replicate", "reject"],
        Field(description="What to do with more simulations than there are combinations"),
    ] = "reject"
    cache: Annotated[bool, Field(description="Whether a call may be answered by an equal one's earlier answer")] = False
    budget: Budget = Budget()
    metadata: Annotated[dict[str, Any], Field(default_factory=dict)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        n, size = len(self.entity_ids), self.interaction_size
        if repeated := sorted(entity for entity, times in Counter(self.entity_ids).items() if times > 1):
            raise ValueError(f"entity_ids names {repeated[:5]} more than once: name every entity once.")
        if size > n:
            raise ValueError(
                f"interaction_size = {size} is more than the {n} entities of entity_ids: choose at most {n}."
            )
        if self.interaction_type not in (None, interaction_type(size)):
            raise ValueError(
                f"interaction_type = {self.interaction_type!r} does not go with interaction_size = {size}, which is "
                f"{interaction_type(size)!r}: leave one of them out."
            )
        count = math.comb(n, size)
        if self.num_simulations > count and self.on_excess == "reject":
            raise ValueError(
                f"num_simulations = {self.num_simulations} is more than the {count} combinations of {size} out of {n} "
                "entities: ask for fewer, or send on_excess = 'replicate' to repeat combinations."
            )
        return self


class Started(BaseModel):
    """A batch that was made."""

    id: str
    message: str


class Message(BaseModel):
    """What was done."""

    message: str


class Counts(BaseModel):
    """Simulations of a batch by status."""

    total: int
    pending: int
    in_progress: int
    completed: int
    failed: int
    cancelled: int


class Usage(BaseModel):
    """What the models were asked; retried requests count."""

    calls: int
    prompt_tokens: int
    completion_tokens: int


class Parameters(BaseModel):
    """What made the transcripts of a batch, besides context and entities."""

    entity_ids: list[str]
    interaction_type: InteractionType
    interaction_size: int
    num_simulations: int
    n_turns: int
    simulation_rounds: int
    language: str | None
    model: str
    temperature: float | None
    max_tokens: int | None
    seed: int
    cache: bool
    prompt_version: str
    budget: Budget


class SimulationData(BaseModel):
    """One dialogue."""

    id: str
    sequence_number: int
    timestamp: datetime
    interaction_type: InteractionType
    entity_ids: list[str]
    status: SimulationStatus
    error: str | None
    replicate: int
    content: str
    usage: Usage
    metadata: dict[str, int]


class BatchData(BaseModel):
    """A batch."""

    id: str
    name: str
    timestamp: datetime
    description: str
    context: str
    status: BatchStatus
    metadata: dict[str, Any]
    counts: Counts
    usage: Usage
    parameters: Parameters
    simulations: list[SimulationData] | None = None

    @model_serializer(mode="wrap")
    def _leave_out(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the key `simulations` where they were not asked for."""
        data: dict[str, Any] = serialize(self)
        if self.simulations is None:
            del data["simulations"]
        return data


class Combination(BaseModel):
    """Who would speak in a simulation."""

    entity_ids: list[str]
    names: list[str]
    replicate: int


class Preview(BaseModel):
    """What a batch would be and cost."""

    combinations: int
    num_simulations: int
    first_combinations: list[Combination]
    model_calls: int
    estimated_prompt_tokens: int
    estimated_completion_tokens: int
    estimate: str


class Retry(Content):
    """What a retry may spend, instead of the batch's budget so far."""

    budget: Budget | None = None
