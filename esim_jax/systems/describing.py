"""Every electoral system and allocation method in words: the rule, how ties are broken, the source, an example.

The words stand where the rules do: in docstrings, and in the `doc` of staged rules. Here are only those of systems that
are nothing but a rule applied to constituencies or to the nation.
"""

import inspect
import textwrap

from esim_jax.kinds import Choice
from esim_jax.names import ALLOCATION_METHODS, ELECTORAL_SYSTEMS
from esim_jax.systems import mixed
from esim_jax.systems.registry import RANKED, RULES

_WIDTH = 100

_ON_VOTES = {
    "FPTP": """First past the post: the party with the most votes in a constituency wins its seat.

Ties are broken by lot. Thresholds do not bear on it.

Source: Duverger (1951), Les partis politiques.

>>> from esim_jax.systems import apportion_districts
>>> votes = {"North": {"A": 6, "B": 4}, "South": {"A": 3, "B": 5}}
>>> apportion_districts(votes, {"North": 1, "South": 1}, "plurality").seats
{'A': 1, 'B': 1}
""",
    "PR": """Proportional representation: all seats at once, to the nation's votes.

The seats go to the parties that reach `threshold`, by `allocation_method`. Ties are broken by lot.

Source: Pukelsheim (2017), Proportional Representation, 2nd ed.

>>> from esim_jax.systems import apportion
>>> apportion({"A": 340, "B": 280, "C": 160, "D": 30}, 7, "sainte_lague", threshold=0.05).seats
{'A': 3, 'B': 3, 'C': 1, 'D': 0}
""",
    "district_PR": """Proportional representation in districts: the seats of each constituency, to its votes.

The seats go to the parties that reach `threshold` in the nation and `district_threshold` in the constituency, by
`allocation_method`. With `levelling_seats`, all seats are then shared out by the nation's votes; who has won more in
constituencies keeps them, and the others share the rest. Ties are broken by lot.

Source: Pukelsheim (2017), Proportional Representation, 2nd ed.; levelling as in Norway, Election Act of 2002, s. 11-6.

>>> from esim_jax.systems import apportion_districts
>>> votes = {"North": {"A": 600, "B": 300, "C": 100}, "South": {"A": 500, "B": 400, "C": 100}}
>>> apportion_districts(votes, {"North": 3, "South": 3}).seats
{'A': 4, 'B': 2, 'C': 0}
>>> apportion_districts(votes, {"North": 3, "South": 3}, levelling=3).seats
{'A': 5, 'B': 3, 'C': 1}
""",
    "party_block": """Party block vote: the party with the most votes in a constituency wins all its seats.

Ties are broken by lot. Thresholds do not bear on it.

Source: Reynolds, Reilly and Ellis (2005), Electoral System Design: the New International IDEA Handbook.

>>> from esim_jax.systems import apportion_districts
>>> votes = {"North": {"A": 6, "B": 4}, "South": {"A": 3, "B": 5}}
>>> apportion_districts(votes, {"North": 3, "South": 2}, "plurality").seats
{'A': 3, 'B': 2}
""",
    "electoral_college": """Electoral college: the party with the most votes in a constituency wins all its seats.

A constituency is a state, its seats are electors (`district_magnitude`), and a party is a candidate for president. The
system `party_block` is the same rule for an assembly. Ties are broken by lot. Thresholds do not bear on it.

Source: Edwards (2011), Why the Electoral College Is Bad for America, 2nd ed.

>>> from esim_jax.systems import electoral_college
>>> votes = {"North": {"Ann": 60, "Bob": 40}, "South": {"Ann": 45, "Bob": 55}}
>>> electoral_college(votes, {"North": 10, "South": 6}).electors
{'Ann': 10, 'Bob': 6}
""",
}

__test__ = _ON_VOTES
"""What doctest runs beside the docstrings of functions."""

_MIXED = {
    "MMP": mixed.mixed_member_proportional,
    "parallel": mixed.parallel,
    "majority_bonus": mixed.majority_bonus,
}


def describe(name: str) -> str:
    """What an electoral system or an allocation method does: its rule, its ties, its source and an example.

    Args:
        name: a value of `electoral_system` or of `allocation_method`, in any case.

    Raises:
        InputError: there is no such system or method.

    >>> print(describe("irv").splitlines()[0])
    Instant-runoff voting: eliminate who has the fewest votes until somebody has a majority.
    """
    name = Choice((*ELECTORAL_SYSTEMS, *ALLOCATION_METHODS)).read("name", name)
    if name in _ON_VOTES:
        return inspect.cleandoc(_ON_VOTES[name])
    if name in RANKED:
        return inspect.cleandoc(RANKED[name].doc)
    return inspect.getdoc(_MIXED[name] if name in _MIXED else RULES[name]) or ""


def show_systems() -> str:
    """Every name with the first line of its description.

    >>> print(show_systems().splitlines()[1])
      FPTP                       First past the post: the party with the most votes in a constituency
    """
    width = max(map(len, (*ELECTORAL_SYSTEMS, *ALLOCATION_METHODS))) + 4
    return "\n\n".join(
        "\n".join([title, *(_line(name, width) for name in names)])
        for title, names in (("electoral systems", ELECTORAL_SYSTEMS), ("allocation methods", ALLOCATION_METHODS))
    )


def _line(name: str, width: int) -> str:
    first = describe(name).splitlines()[0]
    return textwrap.fill(first, _WIDTH, initial_indent=f"  {name}".ljust(width), subsequent_indent=" " * width)


def show_system(name: str) -> str:
    """A system's name and its description.

    >>> print(show_system("hare").splitlines()[0])
    hare
    """
    name = Choice((*ELECTORAL_SYSTEMS, *ALLOCATION_METHODS)).read("name", name)
    return f"{name}\n{textwrap.indent(describe(name), '  ')}"
