"""Functions that are compiled once for each kind of arguments, and kept for later processes.

JAX's own cache, see `esim_jax.compilation`, spares a later process the compiler; but before it is asked, Python code is
followed and lowered, which takes longer than all else that a process does for a small sweep. So here a program is kept
as a whole. It goes by all that it is made from: the source of this package, the versions of JAX and Python, the flags
of the compiler, the constants, and the shapes of the arguments. A program that has a user's own function in it is not
kept, for what such a function reads can't be told.
"""

import dataclasses
import hashlib
import os
import pickle
import platform
import sys
import tempfile
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

import jax
import jaxlib
import numpy as np
from jax.experimental import serialize_executable
from jax.sharding import Mesh

from esim_jax.compilation import keep_compiled_programs

_OPTIONS: dict[str, bool | int] = {"xla_cpu_prefer_vector_width": 512}
"""Of the compiler: the widest vectors, measured 1.0 to 1.3 times as fast as its default of 256 bits (benchmarks/)."""

_LARGEST = 2**28  # bytes of the folder; the programs least used go first


class CompiledFunction:
    """A function of arrays and constants, compiled for each combination of shapes and constants when it is first met.

    Call it within `jax.enable_x64()`, with positional arguments.

    Args:
        function: what is compiled.
        static: places of the arguments that are constants.

    >>> import jax.numpy as jnp
    >>> scale = CompiledFunction(lambda x, factor: x * factor, static=(1,))
    >>> with jax.enable_x64():
    ...     scale(jnp.arange(3), 2).tolist(), scale(jnp.arange(3, 6), 2).tolist()
    ([0, 2, 4], [6, 8, 10])
    >>> scale.n_programs
    1
    """

    def __init__(self, function: Callable[..., Any], static: tuple[int, ...]) -> None:
        self._function = function
        self._name = function.__name__.strip("_")
        self._static = static
        self._programs: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """The function's value; still being computed when this returns."""
        kind, arrays = self._kind(arguments)
        if kind not in self._programs:
            self.prepare(*arguments)()
        return self._programs[kind](*arrays)

    @cached_property
    def jitted(self) -> Any:
        """The function as JAX compiles it.

        Its name tells the source, so that JAX's own cache has no program that another version of this package compiled:
        what comes out of that cache can't be kept.
        """

        def named(*arguments: Any) -> Any:
            return self._function(*arguments)

        named.__name__ = f"{self._name}_{_source()[:8]}"
        return jax.jit(named, static_argnums=self._static, compiler_options=_OPTIONS)

    @property
    def n_programs(self) -> int:
        """How many programs this process has met."""
        return len(self._programs)

    def clear(self) -> None:
        """Forgets them; what is kept on disk stays."""
        self._programs.clear()

    def prepare(self, *arguments: Any) -> Callable[[], None]:
        """Does what takes Python's lock; the function that this returns may do the rest in another thread."""
        kind, _ = self._kind(arguments)
        if kind in self._programs:
            return lambda: None
        file = self._file(kind)
        program = _load(file) if file is not None and file.exists() else None
        if program is not None:
            self._programs[kind] = program
            return lambda: None
        lowered = self.jitted.lower(*arguments)

        def finish() -> None:
            compiled = lowered.compile()
            self._programs[kind] = compiled
            if file is not None:
                _keep(compiled, kind, file)

        return finish

    def _kind(self, arguments: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """What tells one program from another, and the arguments that are no constants."""
        constants = tuple(arguments[k] for k in self._static if k < len(arguments))
        arrays = [argument for k, argument in enumerate(arguments) if k not in self._static]
        leaves, tree = jax.tree.flatten(arrays)
        return (constants, tree, tuple(map(_shape_of, leaves))), arrays

    def _file(self, kind: Any) -> Path | None:
        """Where such a program is kept; None where it is not."""
        compiled = keep_compiled_programs()
        if compiled is None or jax.device_count() > 1:  # a kept program knows its device by a number
            return None
        constants, tree, shapes = kind
        try:
            told = _tell(constants)
        except _UnknownError:
            return None
        facts = self._name, _OPTIONS, told, str(tree), shapes, _surroundings()
        digest = hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()
        return compiled.with_name(f"{compiled.name}-programs") / f"{self._name}-{digest}"


def _shape_of(leaf: Any) -> tuple[Any, ...]:
    sharding = leaf.sharding if isinstance(leaf, jax.Array) else None
    return leaf.shape, leaf.dtype, getattr(leaf, "weak_type", False), sharding


class _UnknownError(Exception):
    """A constant of which it is not known what it stands for."""


def _tell(constant: Any) -> str:
    """A constant in words that are the same in every process.

    >>> _tell((1, "x", _tell))
    "(1, 'x', esim_jax.programs._tell())"
    """
    if constant is None or isinstance(constant, bool | int | float | str):
        return repr(constant)
    if isinstance(constant, tuple):
        name = "" if type(constant) is tuple else type(constant).__qualname__
        return f"{name}({', '.join(map(_tell, constant))})"
    if isinstance(constant, Mesh):
        return f"Mesh({constant.shape_tuple})"
    if isinstance(constant, FunctionType) and constant.__module__.split(".")[0] == __package__:
        enclosed = ", ".join(_tell(cell.cell_contents) for cell in constant.__closure__ or ())
        return f"{constant.__module__}.{constant.__qualname__}({enclosed})"
    if dataclasses.is_dataclass(constant) and type(constant).__module__.split(".")[0] == __package__:
        values = (getattr(constant, field.name) for field in dataclasses.fields(constant))
        return f"{type(constant).__qualname__}({', '.join(map(_tell, values))})"
    raise _UnknownError


@cache
def _source() -> str:
    """A digest of this package's source."""
    source = hashlib.blake2b(digest_size=16)
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        source.update(file.read_bytes())
    return source.hexdigest()


@cache
def _surroundings() -> tuple[str, ...]:
    """What else a program depends on."""
    backend = jax.local_devices()[0].client
    versions = jax.__version__, jaxlib.version.__version__, backend.platform, backend.platform_version, sys.version
    return _source(), *versions, platform.machine(), os.environ.get("XLA_FLAGS", "")


def _load(file: Path) -> Callable[..., Any] | None:
    """The program that a file keeps; None where it can't be read, which is no loss."""
    try:
        program: Callable[..., Any] = serialize_executable.deserialize_and_load(*pickle.loads(file.read_bytes()))  # noqa: S301 (the user's own cache)
        os.utime(file)  # it was used
    except Exception:  # an unreadable file raises whatever its bytes happen to mean
        file.unlink(missing_ok=True)
        return None
    return program


def _keep(compiled: Any, kind: Any, file: Path) -> None:
    """Writes a program's file, under another name first, and makes room for it; where it can't, nothing is kept."""
    try:
        kept = serialize_executable.serialize(compiled)
        _try_out(serialize_executable.deserialize_and_load(*kept), kind)
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as temporary:
            temporary.write(pickle.dumps(kept))
        Path(temporary.name).replace(file)
        _remove_oldest(file.parent, _LARGEST)
    except (OSError, ValueError, jax.errors.JaxRuntimeError):
        # no room; a device whose programs can't be kept; or a program out of JAX's own cache, which lacks its functions
        return


def _try_out(program: Callable[..., Any], kind: Any) -> None:
    """Runs a program once on nothing but zeros, or raises what it raises."""
    _, tree, shapes = kind
    zeros = [np.zeros(shape, dtype) for shape, dtype, *_ in shapes]
    with jax.enable_x64(True):
        jax.block_until_ready(program(*jax.tree.unflatten(tree, zeros)))


def _remove_oldest(folder: Path, largest: int) -> None:
    """Removes the files that were not used for the longest time, until the others come to no more bytes than this."""
    states = sorted(((file.stat().st_mtime, file.stat().st_size, file) for file in folder.iterdir()), reverse=True)
    total = 0
    for _, size, file in states:
        total += size
        if total > largest:
            file.unlink(missing_ok=True)
