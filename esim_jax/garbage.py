"""Python's collector of garbage, which need not walk over what stays until the process ends.

Importing JAX makes some hundred thousand objects that refer to each other in circles. The collector walks over all of
them time and again, and takes them apart when the process ends: a sixth of what a process takes that holds one small
sweep (benchmarks/).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def made_to_last() -> Iterator[None]:
    """What is made within is left to the operating system, together with all that is alive when it is left.

    Garbage from before is collected first, so that nothing is held for ever that nobody uses.

    >>> import gc
    >>> before = gc.get_freeze_count()
    >>> with made_to_last():
    ...     circle = []
    ...     circle.append(circle)
    >>> gc.get_freeze_count() > before, gc.isenabled()
    (True, True)
    """
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()
