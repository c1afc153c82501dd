"""What an entity's model is told before it speaks."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from service.dialogue.prompts import template

Message = dict[str, str]


class Persona(NamedTuple):
    """Who speaks."""

    id: str
    name: str
    description: str
    attributes: Mapping[str, Any]


class Spoken(NamedTuple):
    """What somebody has thought and said."""

    entity_id: str
    thought: str
    speech: str


class Scene(NamedTuple):
    """What all turns of a simulation share."""

    context: str
    cast: Sequence[Persona]
    language: str | None
    prompt_version: str


def messages(scene: Scene, speaker: Persona, transcript: Sequence[Spoken]) -> list[Message]:
    """The messages of one model call: persona and context, then the transcript.

    Thoughts are private: a speaker is shown its own earlier ones and nobody else's.
    """
    system = template(scene.prompt_version, "system").substitute(
        name=speaker.name,
        persona=_persona(speaker),
        occasion=_occasion(scene.cast, speaker),
        context=scene.context,
        language=f"\n\nAnswer in this language: {scene.language}." if scene.language else "",
    )
    if transcript:
        names = {persona.id: persona.name for persona in scene.cast}
        lines = (
            utterance_text(names[s.entity_id], s.thought if s.entity_id == speaker.id else "", s.speech)
            for s in transcript
        )
        turn = template(scene.prompt_version, "turn").substitute(name=speaker.name, transcript="\n\n".join(lines))
    else:
        turn = template(scene.prompt_version, "opening").substitute(name=speaker.name)
    return [{"role": "system", "content": system}, {"role": "user", "content": turn}]


def utterance_text(name: str, thought: str, speech: str) -> str:
    """An utterance as transcripts show it.

    >>> print(utterance_text("Ada", "a loom!", "It weaves algebra."))
    Ada: *a loom!*
    "It weaves algebra."
    """
    return f'{name}: *{thought}*\n"{speech}"' if thought else f'{name}:\n"{speech}"'


def _persona(speaker: Persona) -> str:
    lines = [speaker.description] if speaker.description else []
    for key, value in speaker.attributes.items():
        lines.append(f"- {key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines)


def _occasion(cast: Sequence[Persona], speaker: Persona) -> str:
    others = [persona.name for persona in cast if persona.id != speaker.id]
    if not others:
        return "a monologue: you think aloud, and nobody answers"
    return f"a conversation with {', '.join(others)}"
