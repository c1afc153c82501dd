"""Prompt templates, one folder a version. A published version is never edited: batches name the one that made them."""

from functools import cache
from importlib.resources import files
from string import Template

LATEST = "v1"


@cache
def template(version: str, name: str) -> Template:
    """A template of a version.

    >>> template("v1", "opening").substitute(name="Ada")
    'Nobody has spoken yet. Ada, begin.'
    """
    return Template(files(__name__).joinpath(version, f"{name}.txt").read_text(encoding="utf-8").rstrip("\n"))
