"""Warm sweeps beside the peer, each tool in its own long-lived process."""

from collections.abc import Iterator
from statistics import median

from peer import PACKAGE as PEER
from sweeps import NATIONAL, SENSITIVITY, Sweep
from tables import Row, Table, at_least
from workers import SINGLE_THREAD, Settings, Worker, our_worker

WANTED = 150
PEER_SETTINGS: tuple[tuple[int, bool], ...] = ((1, False), (2, False), (1, True), (2, True))
"""n_jobs, and whether its libraries are held to one thread."""


def measure(settings: Settings) -> Iterator[Table]:
    if settings.peer is None:
        return
    with (
        our_worker() as ours,
        Worker(settings.peer, PEER) as default,
        Worker(settings.peer, PEER, SINGLE_THREAD) as single,
    ):
        workers = ours, default, single
        sweep = SENSITIVITY.runs(1 if settings.quick else 20)
        yield compare(
            "peer sensitivity",
            f"Sensitivity sweep of the spec: {sweep.simulations} simulations of 50,000 voters, 20 constituencies; "
            "warm, in turns",
            (sweep, sweep, SENSITIVITY.runs(1)),
            workers,
            settings.rounds,
        )
        few = 2 if settings.quick else 4
        yield compare(
            "peer national",
            f"Elections of 1,000,000 voters in 543 constituencies (ours {10 * few}, the peer's {few}); warm, in turns",
            (NATIONAL.runs(10 * few), NATIONAL.runs(few), NATIONAL.runs(2)),
            workers,
            settings.rounds,
        )


def compare(
    name: str, title: str, sweeps: tuple[Sweep, Sweep, Sweep], workers: tuple[Worker, Worker, Worker], rounds: int
) -> Table:
    """Ours, the peer's first setting, ours, its second, and so on; then ours and its best in further rounds.

    Args:
        sweeps: ours, the peer's, and a small one, with which each of its settings is made warm.
        workers: ours, the peer's, and the peer's with single-threaded libraries.
    """
    our_sweep, peer_sweep, small = sweeps
    ours, default, single = workers
    our_s: list[float] = []
    peer_s: list[list[float]] = [[] for _ in PEER_SETTINGS]
    ours.run(our_sweep)
    for n_jobs, one_thread in PEER_SETTINGS:
        (single if one_thread else default).run(small, n_jobs)

    def take_turns(index: int) -> None:
        n_jobs, one_thread = PEER_SETTINGS[index]
        our_s.extend(ours.run(our_sweep)["seconds"] for _ in range(2))
        peer_s[index].append((single if one_thread else default).run(peer_sweep, n_jobs)["seconds"])

    for index in range(len(PEER_SETTINGS)):
        take_turns(index)
    best = min(range(len(PEER_SETTINGS)), key=lambda index: min(peer_s[index]))
    for _ in range(rounds - 1):
        take_turns(best)
    fastest = max(peer_sweep.voters / min(times) for times in peer_s)
    rows = [_row("esim_jax", our_sweep, our_s, fastest)]
    for (n_jobs, one_thread), times in zip(PEER_SETTINGS, peer_s, strict=True):
        threads = ", one thread each" if one_thread else ""
        rows.append(_row(f"electoral-sim, n_jobs={n_jobs}{threads}", peer_sweep, times, fastest))
    return Table(name, title, rows, [at_least(f"{name}: times its best", rows[0]["times peer's best"], WANTED)])


def _row(tool: str, sweep: Sweep, times: list[float], peer_fastest: float) -> Row:
    return {
        "tool": tool,
        "timings": len(times),
        "median s": median(times),
        "best s": min(times),
        "median M/s": sweep.voters / median(times) / 1e6,
        "best M/s": sweep.voters / min(times) / 1e6,
        "times peer's best": sweep.voters / median(times) / peer_fastest,
    }
