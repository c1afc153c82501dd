"""What a batch would be and cost, told before anyone pays."""

import math
from collections.abc import Sequence

from service.batches.combinations import draw
from service.batches.schemas import Combination, NewBatch, Preview
from service.batches.store import chosen_seed
from service.dialogue.messages import Persona, Scene, messages
from service.dialogue.prompts import LATEST
from service.llm.model import CHARACTERS_PER_TOKEN, EXPECTED_COMPLETION

_SHOWN = 10


def preview(new: NewBatch, personas: Sequence[Persona]) -> Preview:
    """The combinations, the calls and an estimate of the tokens of a batch."""
    drawn = list(draw(len(personas), new.interaction_size, min(new.num_simulations, _SHOWN), chosen_seed(new)))
    casts = [[personas[place] for place in places] for places, _ in drawn]
    utterances = new.interaction_size * new.n_turns * new.simulation_rounds
    calls = new.num_simulations * utterances
    completion = min(new.max_tokens or EXPECTED_COMPLETION, EXPECTED_COMPLETION)
    opening = sum(_opening_tokens(new, cast) for cast in casts) / len(casts)
    # the transcript that an utterance is shown has all those before it
    prompt = new.num_simulations * (utterances * opening + completion * math.comb(utterances, 2))
    return Preview(
        combinations=math.comb(len(personas), new.interaction_size),
        num_simulations=new.num_simulations,
        first_combinations=[
            Combination(entity_ids=[p.id for p in cast], names=[p.name for p in cast], replicate=replicate)
            for cast, (_, replicate) in zip(casts, drawn, strict=True)
        ],
        model_calls=calls,
        estimated_prompt_tokens=round(prompt),
        estimated_completion_tokens=calls * completion,
        estimate=(
            f"{CHARACTERS_PER_TOKEN} characters a token and {completion} tokens an answer, without retried calls; "
            "give the same seed on creation to get the combinations shown."
        ),
    )


def _opening_tokens(new: NewBatch, cast: Sequence[Persona]) -> float:
    """Mean tokens of a prompt before anybody has spoken."""
    scene = Scene(new.context, cast, new.language, LATEST)
    characters = sum(len(m["content"]) for speaker in cast for m in messages(scene, speaker, ()))
    return characters / len(cast) / CHARACTERS_PER_TOKEN
