"""Identity, not position: a run's seed follows from what is run, never from where it stands in the sweep.

A configuration's identity is the text of its values. For the built-in model only the values that differ from the
defaults count, so that naming a default, or a later version's new parameter, leaves old rows as they are.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from esim_jax.config import PARAMETERS
from esim_jax.parties import party_mappings

SEED_BITS = 53
"""Seeds of runs stay below 2^53, so that they survive in a JSON number."""


def model_identity(parameters: Mapping[str, Any]) -> str:
    """Identity of a full set of the built-in model's parameters."""
    changed = {name: value for name, value in parameters.items() if value != PARAMETERS[name].default}
    if "parties" in changed:
        changed["parties"] = party_mappings(changed["parties"])
    return json.dumps(changed, sort_keys=True)


def config_identity(config: Mapping[str, Any]) -> str:
    """Identity of a configuration of a user's own model; values that JSON does not know count by their `repr`."""
    return json.dumps(config, sort_keys=True, default=repr)


def run_seeds(master_seed: int, identities: Iterable[str], n_runs: int) -> np.ndarray:
    """The seeds of every run of every configuration, uint64 (configuration, run).

    A configuration's seeds are a progression a + b r modulo 2^53 with a and the odd b from a hash of the master seed,
    the identity, and how often an equal configuration came before. They never repeat within a configuration; two of
    N simulations share a seed with a probability of about N^2 / 2^54.
    """
    seen: Counter[str] = Counter()
    runs = np.arange(n_runs, dtype=np.uint64)
    rows = []
    for identity in identities:
        text = f"{master_seed}\n{seen[identity]}\n{identity}"
        seen[identity] += 1
        start, step = np.frombuffer(hashlib.blake2b(text.encode(), digest_size=16).digest(), "<u8")
        rows.append((start + (step | np.uint64(1)) * runs) & np.uint64(2**SEED_BITS - 1))
    return np.array(rows, np.uint64).reshape(-1, n_runs)
