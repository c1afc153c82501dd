"""A live bar with simulations done, rate and time left; a widget in a notebook, a line in a terminal."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int], object]
"""Told how many simulations have been done since it was last told."""


@contextmanager
def progress_bar(total: int, verbose: bool, done: int = 0) -> Iterator[Progress]:
    """A bar over `total` simulations, of which some were done before, or silence."""
    if not verbose:
        yield lambda _: None
        return
    from tqdm import TqdmWarning  # imported here, for a quiet run need not wait for it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # a notebook without widgets gets the terminal's bar
        from tqdm.auto import tqdm

        bar = tqdm(total=total, initial=done, desc="Simulations", unit="sim", dynamic_ncols=True)
    with bar:
        yield bar.update
