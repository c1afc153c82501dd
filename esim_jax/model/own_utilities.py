"""Utilities by a function of the user's own, which is followed once and then compiled like everything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from esim_jax.errors import InputError
from esim_jax.model.behaviours import SALIENCE, PartyView
from esim_jax.own_behaviour import OwnBehaviour

LARGEST = np.float32(1e6)
"""Utilities count up to it; what is not a number counts as -LARGEST."""


@dataclass(frozen=True)
class OwnUtilities:
    """A behaviour, see `esim_jax.model.voters`, by a function of the user's own.

    The function gets the options that are on the ballot, whatever other configurations have: so ballots of different
    length are different programs.

    Attributes:
        own: the function.
        n_options: on the ballot.
    """

    own: OwnBehaviour
    n_options: int

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers that it reads."""
        names = (SALIENCE if name == "salience" else (name,) for name in self.own.arguments)
        return tuple(name for several in names for name in several)

    def __call__(
        self, voters: Any, parties: Sequence[PartyView], parameters: Mapping[str, Float[Array, "..."]]
    ) -> list[Float[Array, "..."]]:
        """What each party is worth; surplus places are worth what the first is.

        Raises:
            InputError: the function fails, or gives something else than one array of real numbers a party.
        """
        numbers: dict[str, Any] = {name: parameters[name] for name in self.own.arguments if name != "salience"}
        if "salience" in self.own.arguments:
            numbers["salience"] = tuple(parameters[name] for name in SALIENCE[: len(parties[0].position)])
        try:
            given = self.own.function(voters, parties[: self.n_options], **numbers)
        except Exception as error:  # whatever the user's code does
            raise InputError(f"behaviour {self.own} failed: {type(error).__name__}: {_first_line(error)}") from error
        utilities = self._read(given, voters.chance.shape)
        return utilities + [utilities[0]] * (len(parties) - self.n_options)

    def _read(self, given: Any, shape: tuple[int, ...]) -> list[Float[Array, "..."]]:
        try:
            entries = list(given)
        except TypeError as error:
            raise InputError(
                f"behaviour {self.own} gives {type(given).__name__}: give a list with one array a party."
            ) from error
        if len(entries) != self.n_options:
            raise InputError(
                f"behaviour {self.own} gives {len(entries)} arrays for {self.n_options} parties: give a list with one "
                "array a party, or one array whose first axis is the parties."
            )
        return [self._read_one(entry, shape) for entry in entries]

    def _read_one(self, entry: Any, shape: tuple[int, ...]) -> Float[Array, "..."]:
        dtype = jnp.result_type(entry) if isinstance(entry, Array | np.ndarray | np.generic | float) else None
        if dtype is None or not jnp.issubdtype(dtype, jnp.floating):
            what = type(entry).__name__ if dtype is None else f"an array of {dtype}"
            raise InputError(f"behaviour {self.own} gives {what} for a party: give real numbers, an array of float32.")
        try:
            utility = jnp.broadcast_to(jnp.asarray(entry, jnp.float32), shape)
        except ValueError as error:
            raise InputError(
                f"behaviour {self.own} gives an array of shape {jnp.shape(entry)} for a party; it must be {shape}, "
                "that of the voters' attributes."
            ) from error
        return jnp.where(jnp.isnan(utility), -LARGEST, jnp.clip(utility, -LARGEST, LARGEST))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no message").splitlines()[0]


def own_bound(parameters: Mapping[str, Any], bound: float) -> float:  # noqa: ARG001 (bounds have one signature)
    """What |utility| counts up to in the welfare, at least: 1,000, and 16 times what it is by distance."""
    return max(1000.0, 16 * bound)
