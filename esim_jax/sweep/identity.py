"""Identity, not position: a run's seed follows from what is run, never from where it stands in the sweep.

A configuration's identity is the text of its values. For the built-in model only the values that differ from the
defaults count, so that naming a default, or a later version's new parameter, leaves old rows as they are.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import UInt

from esim_jax.clusters import cluster_mappings
from esim_jax.config import PARAMETERS, own_numbers
from esim_jax.parties import party_mappings

LAW = 1
"""Counts the changes that give other numbers for the same parameters and seed: rows of another law are never reused."""

SEED_BITS = 53
"""Seeds of runs stay below 2^53, so that they survive in a JSON number."""


_DEFAULTS = {name: parameter.default for name, parameter in PARAMETERS.items()}


def model_identity(parameters: Mapping[str, Any]) -> str:
    """Identity of a full set of the built-in model's parameters."""
    own = own_numbers(parameters["behaviour"])
    defaults = {**_DEFAULTS, **own} if own else _DEFAULTS
    changed = {name: value for name, value in parameters.items() if value != defaults[name]}
    for name in ("behaviour", "voters"):
        if name in changed:
            changed[name] = getattr(changed[name], "identity", changed[name])
    if "parties" in changed:
        changed["parties"] = party_mappings(changed["parties"])
    if "clusters" in changed:
        changed["clusters"] = cluster_mappings(changed["clusters"])
    return json.dumps(changed, sort_keys=True)


def config_identity(config: Mapping[str, Any]) -> str:
    """Identity of a configuration of a user's own model; values that JSON does not know count by their `repr`."""
    return json.dumps(config, sort_keys=True, default=repr)


def configuration_keys(master_seed: int, identities: Iterable[str], common: bool = False, also: str = "") -> list[str]:
    """A name for each configuration, under which its finished rows are kept and found again.

    Rows of equal name and run are equal, whatever sweep they belong to.

    Args:
        master_seed: of the sweep.
        identities: of the configurations.
        common: whether the random numbers are common to all configurations.
        also: what else decides the rows of a class of the user's own.
    """
    texts = (f"{master_seed}\n{seen}\n{identity}" for seen, identity in _occurrences(identities))
    return [hashlib.blake2b(f"{LAW}\n{common}\n{also}\n{text}".encode(), digest_size=16).hexdigest() for text in texts]


def progressions(
    master_seed: int, identities: Iterable[str], common: bool = False
) -> tuple[UInt[np.ndarray, " configuration"], UInt[np.ndarray, " configuration"]]:
    """Start and step of each configuration's seeds, uint64.

    A configuration's seeds are a progression a + b r modulo 2^53 with a and the odd b from a hash of the master seed,
    the identity, and how often an equal configuration came before. They never repeat within a configuration; two of
    N simulations share a seed with a probability of about N^2 / 2^54. Common random numbers leave the configuration
    out: run r has one seed in all of them.
    """
    if common:
        texts = [f"{master_seed}\ncommon random numbers" for _ in identities]
    else:
        texts = [f"{master_seed}\n{seen}\n{identity}" for seen, identity in _occurrences(identities)]
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts)
    start, step = np.frombuffer(digests, "<u8").astype(np.uint64).reshape(-1, 2).T
    return start, step | np.uint64(1)


def seeds_at(start: UInt[np.ndarray, "..."], step: UInt[np.ndarray, "..."], run: np.ndarray) -> UInt[np.ndarray, "..."]:
    """The seeds of some runs, uint64, from their configurations' progressions."""
    return (start + step * run.astype(np.uint64)) & np.uint64(2**SEED_BITS - 1)


def run_seeds(master_seed: int, identities: Iterable[str], n_runs: int) -> UInt[np.ndarray, "configuration run"]:
    """The seeds of every run of every configuration; see `progressions`."""
    start, step = progressions(master_seed, identities)
    return seeds_at(start[:, None], step[:, None], np.arange(n_runs))


def _occurrences(identities: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Each identity with the number of equal ones before it."""
    seen: Counter[str] = Counter()
    for identity in identities:
        yield seen[identity], identity
        seen[identity] += 1
