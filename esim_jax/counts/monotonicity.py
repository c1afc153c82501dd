"""Where instant-runoff voting fails monotonicity: three candidates, exactly."""

from dataclasses import dataclass
from itertools import permutations

from esim_jax.counts.profile import Profile
from esim_jax.errors import InputError


@dataclass(frozen=True)
class MonotonicityFailure:
    """A change of ballots by which support turns against a candidate, or the lack of it helps one.

    Attributes:
        kind: "upward": the winner is raised and loses; "downward": a loser is lowered and wins.
        candidate: who is raised or lowered.
        n_ballots: the fewest ballots for which it is so.
        rival: who is first on those ballots before the change (upward), or after it (downward).
        elected: who wins then.
    """

    kind: str
    candidate: str
    n_ballots: int
    rival: str
    elected: str


def monotonicity_failures(profile: Profile) -> tuple[MonotonicityFailure, ...]:
    """How changed ballots would show that instant-runoff voting is not monotonic; at most one change each way.

    Upward: the winner can be raised on some ballots and loses by that. Downward: a loser can be lowered on some ballots
    and wins by that. Everybody else stays in order on those ballots. A ballot that names one candidate has the others
    equal behind; the winner, not named, can be raised on it. Who is elected must not hang on a lot, neither on the
    ballots as they are nor on the changed ones: a profile that a lot may decide has no failure.

    Args:
        profile: ballots of three candidates, without candidates ranked equal; counts are whole numbers. Where more
            stand, eliminate the others first.

    Raises:
        InputError: not three candidates stand, some are ranked equal, or a count is no whole number.

    Source: Lepelley, Chantreuil and Berg (1996), The likelihood of monotonicity paradoxes in run-off elections; Miller
    (2017), Closeness matters: monotonicity failure in IRV elections with three candidates; here with ballots that name
    one candidate only.

    >>> ballots = {"CAB": 6, "BAC": 2, "BCA": 3, "ABC": 4, "ACB": 2}  # C wins; raised on the last two, C loses to B
    >>> monotonicity_failures(Profile.of({tuple(ballot): n for ballot, n in ballots.items()}))
    (MonotonicityFailure(kind='upward', candidate='C', n_ballots=2, rival='A', elected='B'),)
    """
    first, second = _top_two(profile)

    def lead(a: str, b: str, out: str) -> int:
        return first[a] + second[out, a] - first[b] - second[out, b]

    found = []
    for x, y, z in permutations(profile.candidates):  # X wins, Z is eliminated, Y loses the last stage
        if not (first[z] < min(first[x], first[y]) and lead(x, y, z) > 0):
            continue
        # Y is eliminated in place of Z. Ballots Y > X are X's against Z anyway; then ballots with Y only, which Z has
        # not either; last ballots Y > Z.
        n = first[y] - first[z] + 1
        lost = max(n - second[y, x], 0) + max(n - (first[y] - second[y, z]), 0)
        if n <= first[y] and lead(z, x, y) > lost:
            found.append(MonotonicityFailure("upward", x, n, y, z))
        # X is eliminated in place of Z, to whom Y gives way on ballots Y > Z.
        n = first[x] - first[z] + 1
        if n <= second[y, z] and first[y] - n > first[x] and lead(y, z, x) > 2 * n:
            found.append(MonotonicityFailure("downward", y, n, z, y))
    return tuple(found)


def _top_two(profile: Profile) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Ballots by the first candidate, and by the first two."""
    names = profile.candidates
    if len(names) != 3:
        raise InputError(f"The profile has {len(names)} candidates: monotonicity failures are known for 3; eliminate "
                         "others first, or name all three.")  # fmt: skip
    first = dict.fromkeys(names, 0)
    second = {(a, b): 0 for a in names for b in names}
    for ranking, count in profile:
        if any(len(place) > 1 for place in ranking):
            raise InputError(f"ballot {ranking!r} is not allowed: candidates are ranked equal; give each a place.")
        if count.denominator != 1:
            raise InputError(f"count {count} of ballot {ranking!r} is not allowed: give a whole number, ballots are "
                             "changed one by one.")  # fmt: skip
        named = [name for place in ranking for name in place]
        if named:
            first[named[0]] += int(count)
        if len(named) > 1:
            second[named[0], named[1]] += int(count)
    return first, second
