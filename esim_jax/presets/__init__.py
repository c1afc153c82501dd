"""Presets: the lower houses of real countries, with the rules that they are elected by; see docs/presets.md.

One file a country, in `data/`. Nothing here needs JAX.
"""

from esim_jax.presets.library import list_presets, read_preset
from esim_jax.presets.preset import Preset

__all__ = ["Preset", "list_presets", "read_preset"]
