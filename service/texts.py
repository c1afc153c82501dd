"""What comes from outside: texts and numbers that every database can store and JSON can express."""

import math
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_NAME = 200
MAX_DEPTH = 32
_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")


def is_storable(text: str) -> bool:
    """Whether every database takes the text: PostgreSQL has no NUL, and UTF-8 no lone surrogates.

    >>> is_storable("مريم 🙂"), is_storable("a\\0b")
    (True, False)
    """
    return _UNSTORABLE.search(text) is None


def shown(value: object) -> str:
    """The value as a message shows it: escaped, and not too long.

    >>> shown("a\\0b")
    "'a\\\\x00b'"
    """
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def demand_storable(value: Any, place: str = "", depth: int = 0) -> Any:
    """The value itself, where every database can keep it and JSON can express it.

    Raises:
        ValueError: some text, number or depth inside is not allowed; the sentence says where.
    """
    field = place[-200:] or "The body"
    if isinstance(value, str) and (found := _UNSTORABLE.search(value)):
        raise ValueError(f"{field} = {shown(value)} has the character U+{ord(found[0]):04X}, which can't be stored.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{field} = {value} is not allowed: numbers must be finite.")
    if isinstance(value, dict | list):
        if depth == MAX_DEPTH:
            raise ValueError(f"{field} is nested too deeply: at most {MAX_DEPTH} levels are allowed.")
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str) and not is_storable(key):
                raise ValueError(f"{field} has a field {shown(key)}, whose name can't be stored.")
            demand_storable(item, f"{place}.{key}" if place else str(key), depth + 1)
    return value


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME),
    Field(description=f"1 to {MAX_NAME} characters, not only spaces"),
]


class Content(BaseModel):
    """What clients may send: known fields only, with nothing in them that a database refuses."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _demand_storable(cls, value: Any) -> Any:
        return demand_storable(value)
