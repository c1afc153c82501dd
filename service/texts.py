"""Texts from outside: what may be stored in every database and sent over every wire."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def storable(text: str) -> str:
    """The text, unless it has characters that a database or UTF-8 can't hold.

    Raises:
        ValueError: it has.
    """
    if "\0" in text:
        raise ValueError("A text has the character NUL, which can't be stored: remove it.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("A text has half of a surrogate pair, which can't be stored: send whole characters.")
    return text


Text = Annotated[str, AfterValidator(storable)]
Name = Annotated[Text, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Id = Annotated[Text, StringConstraints(min_length=1, max_length=64)]
