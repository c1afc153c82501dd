"""Parameters that are swept and change nothing, since what would read them is switched off."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from esim_jax.errors import IdleParameterWarning

_Parameters = Mapping[str, Any]


def _know_a_poll(p: _Parameters) -> bool:
    return bool(p["strategic_sensitivity"] > 0 and p["viability"] == "poll")


def _decide_late(p: _Parameters) -> bool:
    return bool(p["undecided"] > 0 and p["late_swing"] > 0)


_NEEDS: dict[str, tuple[str, Callable[[_Parameters], bool]]] = {
    "viability": ("strategic_sensitivity above 0", lambda p: p["strategic_sensitivity"] > 0),
    "polling_error": ("strategic_sensitivity above 0, with viability = 'poll'", _know_a_poll),
    "polling_error_correlation": (
        "polling_error above 0 and voters who know a poll, or undecided and late_swing above 0",
        lambda p: (p["polling_error"] > 0 and _know_a_poll(p)) or _decide_late(p),
    ),
    "undecided": (
        "late_swing above 0, or voters who know a poll (strategic_sensitivity above 0)",
        lambda p: p["late_swing"] > 0 or _know_a_poll(p),
    ),
    "late_swing": ("undecided above 0", lambda p: p["undecided"] > 0),
    "identified_share": ("identification_strength above 0", lambda p: p["identification_strength"] > 0),
}
"""Of a parameter, what it needs to change anything: in words, and whether a full set of parameters has it."""


def find_idle_parameters(configurations: Sequence[_Parameters]) -> list[IdleParameterWarning]:
    """A warning for each parameter that has several values and no effect in any configuration.

    Args:
        configurations: full parameter sets, as `esim_jax.config.read_parameters` returns them.
    """
    return [
        IdleParameterWarning(f"{name} has several values in the sweep, but they change nothing: it needs {what}.")
        for name, (what, has_it) in _NEEDS.items()
        if len({p[name] for p in configurations}) > 1 and not any(map(has_it, configurations))
    ]
