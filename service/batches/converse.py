"""One simulation, from where its tables end to its own end."""

import hashlib
import json
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy.exc import IntegrityError

from service.batches import cache, progress
from service.batches.progress import Dialogue
from service.db import Database
from service.dialogue.messages import Spoken, messages
from service.dialogue.reply import read_reply
from service.llm.model import Answer, Call, LanguageModel, ModelError
from service.measures import UTTERANCES

OUT_OF_CALLS = "The batch's budget of model calls is spent."
OUT_OF_TOKENS = "The batch's budget of tokens is spent."


class Outcome(NamedTuple):
    """How an attempt to speak ended: with an utterance, perhaps; and whether the simulation goes on."""

    spoken: Spoken | None
    goes_on: bool


_OVER = Outcome(None, goes_on=False)


def converse(database: Database, model: LanguageModel, simulation_id: str, leave: Callable[[], bool]) -> bool:
    """Has all utterances of a simulation spoken and stored that are not there yet.

    May be called again at any time: what is stored is never asked for again.

    Args:
        database: migrated.
        model: asked for each utterance.
        simulation_id: a simulation that may be at its end, cancelled or deleted; then nothing happens.
        leave: asked before each utterance; where it says so, the rest is left for later.

    Returns:
        Whether the simulation is done with, rather than left.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is away; the rest is left for later too.
    """
    loaded = progress.load(database, simulation_id)
    while loaded is not None:
        dialogue, said = loaded
        if len(said) == dialogue.length:
            progress.complete(database, simulation_id)
            return True
        if leave():
            return False
        try:
            outcome = _utter(database, model, dialogue, said)
        except IntegrityError:  # somebody else stored this utterance first, or the simulation is gone
            before = len(said)
            loaded = progress.load(database, simulation_id)
            if loaded is not None and len(loaded[1]) == before:
                raise
            continue
        if outcome.spoken is not None:
            said.append(outcome.spoken)
        if not outcome.goes_on:
            return True
    return True


def _utter(database: Database, model: LanguageModel, dialogue: Dialogue, said: list[Spoken]) -> Outcome:
    """Has the next utterance spoken and stored."""
    cast, rules = dialogue.scene.cast, dialogue.rules
    position = len(said)
    speaker = cast[position % len(cast)]
    call = Call(
        model=rules.model,
        messages=messages(dialogue.scene, speaker, said),
        temperature=rules.temperature,
        max_tokens=rules.max_tokens,
        seed=_call_seed(dialogue, position),
    )
    key = cache.key_of(call, dialogue.replicate) if rules.use_cache else None
    cached = cache.find(database, key) if key else None
    if cached is None and (refusal := _over_budget(database, dialogue)):
        progress.fail(database, dialogue.simulation_id, refusal, budget_spent=True)
        return _OVER
    try:
        answer = cached or _storable_answer(model.ask(call))
    except ModelError as error:
        progress.fail(database, dialogue.simulation_id, str(error), attempts=error.attempts)
        return _OVER
    spoken = Spoken(speaker.id, *read_reply(answer.text, speaker.name))
    status = progress.store(database, dialogue, position, spoken, answer)
    UTTERANCES.labels("cache" if cached else "model").inc()
    if key and not cached:
        cache.remember(database, key, answer)
    return Outcome(spoken, goes_on=status == "in_progress")


def _call_seed(dialogue: Dialogue, position: int) -> int:
    """31 bits, from what is said by whom and never from where the simulation stands in its batch."""
    ids = [persona.id for persona in dialogue.scene.cast]
    identity = json.dumps([dialogue.rules.seed, ids, dialogue.replicate, position])
    return int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=4).digest()) >> 1


def _over_budget(database: Database, dialogue: Dialogue) -> str | None:
    """Why no further call may be made, if so; else one call is taken from the budget."""
    rules = dialogue.rules
    if (
        rules.max_total_tokens is not None
        and progress.tokens_used(database, dialogue.batch_id) >= rules.max_total_tokens
    ):
        return OUT_OF_TOKENS
    if rules.max_calls is not None and not progress.reserve_call(database, dialogue.batch_id):
        return OUT_OF_CALLS
    return None


def _storable_answer(answer: Answer) -> Answer:
    return answer._replace(
        text=progress.storable(answer.text),
        model=progress.storable(answer.model),
        finish_reason=progress.storable(answer.finish_reason),
    )
