"""The space of configurations: a grid, or random samples of it."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from esim_jax.config import read_count
from esim_jax.election import draw_seed
from esim_jax.errors import InputError
from esim_jax.kinds import nearest

SWEEP_TYPES = ("grid", "random")


class ParameterSweep:
    """Parameter combinations to explore.

    Args:
        parameters: for each swept parameter, the list of its values.
        fixed_params: parameters with one value for all configurations.
        sweep_type: "grid" for all combinations, the last parameter varying fastest; "random" for independent draws
            of each parameter from its list.
        n_samples: configurations of a random sweep.

    Raises:
        InputError: there is nothing to sweep, a list is empty or holds NaN, a parameter is both swept and fixed, or
            sweep_type or n_samples is not allowed.

    >>> sweep = ParameterSweep({"temperature": [0.3, 0.5], "n_voters": [1_000, 2_000]}, {"threshold": 0.05})
    >>> len(sweep)
    4
    >>> sweep.generate_configs()[1]
    {'temperature': 0.3, 'n_voters': 2000, 'threshold': 0.05}
    """

    def __init__(
        self,
        parameters: Mapping[str, Sequence[Any]],
        fixed_params: Mapping[str, Any] | None = None,
        sweep_type: str = "grid",
        n_samples: int = 100,
    ) -> None:
        if not isinstance(parameters, Mapping) or not parameters:
            raise InputError(
                f"parameters = {parameters!r} is not allowed: give a mapping from names to lists of values, "
                'such as {"temperature": [0.3, 0.5]}.'
            )
        self.parameters = {_read_name(name): _read_values(name, values) for name, values in parameters.items()}
        if fixed_params is not None and not isinstance(fixed_params, Mapping):
            raise InputError(f"fixed_params = {fixed_params!r} is not allowed: give a mapping from names to values.")
        self.fixed_params = {_read_name(name): _read_value(name, v) for name, v in (fixed_params or {}).items()}
        for name in self.fixed_params:
            if name in self.parameters:
                raise InputError(f"{name} is both in parameters and in fixed_params; give it in one of them.")
        if sweep_type not in SWEEP_TYPES:
            raise InputError(
                f"sweep_type = {sweep_type!r} is unknown: it must be one of {', '.join(SWEEP_TYPES)}."
                f"{nearest(sweep_type, SWEEP_TYPES)}"
            )
        self.sweep_type = sweep_type
        self.n_samples = read_count("n_samples", n_samples)
        self._own_seed = draw_seed()

    def generate_configs(self, seed: int | None = None) -> list[dict[str, Any]]:
        """All configurations, in order.

        Args:
            seed: decides a random sweep's draws; a `BatchRunner` passes its own. Without one, a seed drawn when the
                sweep was made is used, so that calls agree with each other.

        Each parameter has a stream of its own: more samples leave the first ones as they are, and another swept
        parameter leaves the others' values as they are.
        """
        if self.sweep_type == "grid":
            points: Iterable[tuple[Any, ...]] = itertools.product(*self.parameters.values())
        else:
            points = zip(*(self._sample(name, self._own_seed if seed is None else seed) for name in self.parameters),
                         strict=True)  # fmt: skip
        return [{**dict(zip(self.parameters, point, strict=True)), **self.fixed_params} for point in points]

    def _sample(self, name: str, seed: int) -> list[Any]:
        values = self.parameters[name]
        stream = np.random.default_rng([seed % 2**64, *name.encode()])
        return [values[place] for place in stream.integers(len(values), size=self.n_samples)]

    def __len__(self) -> int:
        """The number of configurations."""
        if self.sweep_type == "random":
            return self.n_samples
        return math.prod(len(values) for values in self.parameters.values())


def _read_name(name: Any) -> str:
    if not isinstance(name, str):
        raise InputError(f"parameters: the name {name!r} must be a text.")
    return name


def _read_values(name: str, values: Any) -> list[Any]:
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Sequence):
        raise InputError(f"{name} = {values!r} is not a list of values; put a single value into fixed_params.")
    if not values:
        raise InputError(f"{name} is an empty list: give at least one value.")
    return [_read_value(name, value) for value in values]


def _read_value(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Real) and math.isnan(value):
        raise InputError(f"{name} = {value!r} is not allowed: NaN is no value; leave it out.")
    return value
