"""What a model's answer means: a thought and a speech."""

import re
from typing import NamedTuple

# with passages between asterisks of their own, which open after a space
_THOUGHT = re.compile(r"\*{1,3}(?P<thought>[^*]+(?:(?<=\s)\*{1,3}(?=\S)[^*]+\*{1,3}[^*]*)*)\*{1,3}")
# what some models write before their answer, about the task and not in character
_REASONING = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
# what closes a text depends on the language, and models mix: "\u201e" is closed by "\u201c" or by "\u201d"
_QUOTES = {
    '"': '"',
    "\u201c": '\u201d"',
    "\u201d": "\u201d",
    "\u201e": '\u201c\u201d"',
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
    "\u300c": "\u300d",
}


class Reply(NamedTuple):
    """What was thought, perhaps nothing, and what was said."""

    thought: str
    speech: str


def read_reply(text: str, name: str) -> Reply:
    """Reads an answer in the form that prompts ask for, and leniently what models make of it.

    A thought that opens the answer between asterisks is taken as such; all else is speech, without the speaker's name
    before it and quotation marks around it.

    >>> read_reply('*a loom!*\\n"It weaves algebra."', "Ada")
    Reply(thought='a loom!', speech='It weaves algebra.')
    >>> read_reply("Ada: It weaves algebra.", "Ada")
    Reply(thought='', speech='It weaves algebra.')
    """
    rest = _without_name(_REASONING.sub("", text).strip(), name)
    thought = ""
    if match := _THOUGHT.match(rest):
        thought, rest = match["thought"].strip(), rest[match.end() :]
    return Reply(thought, _unquoted(_without_name(rest.strip(), name)))


def _without_name(text: str, name: str) -> str:
    prefix = rf"(\*{{0,3}}){re.escape(name)}(?:\1\s?[:\uff1a]|[:\uff1a]\1)\s*"  # perhaps in bold
    return re.sub(rf"\A{prefix}", "", text, count=1, flags=re.IGNORECASE)


def _unquoted(text: str) -> str:
    closing = _QUOTES.get(text[:1])
    if closing is None:
        return text
    inner = text[1:-1] if text[1:].endswith(tuple(closing)) else text[1:]
    # quotation marks within: two quoted passages, which lose nothing by keeping theirs
    return text if any(mark in inner for mark in closing) else inner.strip()
