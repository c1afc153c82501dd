"""Behaviours of a user's own: what of a function decides the numbers, under which name it goes, and how it is found.

JAX is not needed here; `esim_jax.model.own_utilities` calls the function.
"""

import hashlib
import importlib
import inspect
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Real
from types import CodeType, FunctionType, ModuleType
from typing import Any

from esim_jax.errors import InputError

_LIBRARIES = ("jax", "jaxlib", "numpy", "scipy", "esim_jax", "builtins")
"""Whose functions count by their names: their versions stand beside the results."""

_SIGNATURE = "write it as def my_behaviour(voters, parties, *, loyalty=0.2), with numbers behind the star"

_TEXT = re.compile(r"[\w.]+:[\w.<>]+")

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class OwnBehaviour:
    """A function of the user's own that says what each party is worth to each voter.

    Attributes:
        function: (voters, parties, *, numbers by name) -> one array a party.
        digest: of all that decides what the function gives, as far as it can be seen.
        arguments: names of its keyword-only arguments.
        defaults: of those that have one.
    """

    function: Callable[..., Any]
    digest: str
    arguments: tuple[str, ...]
    defaults: tuple[tuple[str, Any], ...] = field(compare=False)

    def __str__(self) -> str:
        """The module and the name, such as "study.voters:loyal"."""
        return name_function(self.function)

    @property
    def identity(self) -> str:
        """What seeds and kept rows go by."""
        return f"{self} {self.digest}"


def name_function(function: Callable[..., Any]) -> str:
    """The module and the name of a function.

    >>> name_function(name_function)
    'esim_jax.own_behaviour:name_function'
    """
    return f"{function.__module__}:{function.__qualname__}"


def names_function(value: Any) -> bool:
    """Whether a text is of the form "module:function".

    >>> names_function("study.voters:loyal"), names_function("proximity")
    (True, False)
    """
    return isinstance(value, str) and _TEXT.fullmatch(value.strip()) is not None


def read_own_behaviour(value: Any) -> OwnBehaviour:
    """A behaviour from a function, or from a text "module:function", whose module is imported: its code runs.

    Raises:
        InputError: it can't be imported, is not a function, or has other arguments than a behaviour may have.
    """
    if isinstance(value, OwnBehaviour):
        return value
    function = _import(value.strip()) if isinstance(value, str) else value
    if not isinstance(function, FunctionType):
        raise InputError(
            f"behaviour = {value!r} is not a plain function: {_SIGNATURE}, without jax.jit; it is compiled anyway."
        )
    name, kinds = name_function(function), inspect.Parameter
    placed, arguments, defaults = [], [], []
    for argument in inspect.signature(function).parameters.values():
        if argument.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD):
            placed.append(argument.name)
        elif argument.kind is kinds.KEYWORD_ONLY:
            arguments.append(argument.name)
            if argument.default is not kinds.empty:
                defaults.append((argument.name, argument.default))
        else:
            raise InputError(f"behaviour {name} takes *{argument.name}, which has no names to sweep: {_SIGNATURE}.")
    if len(placed) != 2:
        raise InputError(f"behaviour {name} takes {len(placed)} arguments before the star, not two: {_SIGNATURE}.")
    return OwnBehaviour(function, fingerprint(function), tuple(arguments), tuple(defaults))


def _import(text: str) -> Any:
    module, _, name = text.partition(":")
    try:
        with _from_here():
            found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever the module does
        raise InputError(
            f"behaviour = {text!r} can't be imported ({type(error).__name__}: {error}): name a module that Python "
            "finds from this folder, and a function in it."
        ) from error
    return found


@contextmanager
def _from_here() -> Iterator[None]:
    """Modules of the current folder are found, as they are by `python -m`; a command does not look there itself."""
    here = os.getcwd()  # noqa: PTH109 (sys.path holds texts)
    known = here in sys.path or "" in sys.path
    if not known:
        sys.path.append(here)
    try:
        yield
    finally:
        if not known:
            sys.path.remove(here)


def fingerprint(function: FunctionType) -> str:
    """A hash of a function's source, of the plain values it reads, and of the functions it calls by name.

    The source of a lambda, or of a function that has none, such as one typed into a terminal, is its bytecode, which
    differs between versions of Python. What a function reads through a module (`study.weight`) is not seen.

    >>> def one(weight):
    ...     return lambda voters, parties: weight
    >>> fingerprint(one(0.5)) == fingerprint(one(0.5)), fingerprint(one(0.5)) == fingerprint(one(0.6))
    (True, False)
    """
    digest = hashlib.sha256()
    for part in _parts(function, set()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def _parts(function: FunctionType, seen: set[int]) -> Iterator[str]:
    seen.add(id(function))
    yield _source(function)
    yield from _value((function.__defaults__, function.__kwdefaults__), seen)
    for name, value in sorted(_read_from_outside(function).items(), key=lambda found: found[0]):
        yield name
        yield from _value(value, seen)


def _read_from_outside(function: FunctionType) -> dict[str, Any]:
    """Globals, and variables of the functions around it."""
    known = function.__globals__
    found = {name: known[name] for name in _names(function.__code__) if name in known}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not set yet
            found[name] = None
    return found


def _names(code: CodeType) -> set[str]:
    """Those that a function looks up, and the functions and comprehensions within it."""
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _source(function: FunctionType) -> str:
    # several lambdas may stand in one line, and whatever is executed from a text shares one file name
    if function.__name__ != "<lambda>" and function.__code__.co_filename != "<string>":
        try:
            return textwrap.dedent(inspect.getsource(function))
        except (OSError, TypeError):
            pass
    return _bytecode(function.__code__)


def _bytecode(code: CodeType) -> str:
    constants = [_bytecode(c) if isinstance(c, CodeType) else _constant(c) for c in code.co_consts]
    return repr((code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars))


def _constant(value: Any) -> str:
    """As text; the order within a set differs from process to process."""
    return repr(sorted(map(repr, value))) if isinstance(value, set | frozenset) else repr(value)


def _value(value: Any, seen: set[int]) -> Iterator[str]:
    """What of a value counts."""
    if isinstance(value, ModuleType):
        yield value.__name__
    elif isinstance(value, FunctionType) and value.__module__.partition(".")[0] not in _LIBRARIES:
        if id(value) not in seen:
            yield from _parts(value, seen)
    elif callable(value):
        yield f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield repr(key)
            yield from _value(entry, seen)
    elif isinstance(value, list | tuple):
        yield type(value).__name__
        for entry in value:
            yield from _value(entry, seen)
    elif value is None or isinstance(value, str | bytes | Real | set | frozenset):
        yield _constant(value)
    elif hasattr(value, "__array__"):
        import numpy as np  # imported here, for `electoral-sim --help` need not wait for it

        array = np.asarray(value)
        yield f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
    else:
        yield _ADDRESS.sub("", repr(value))
