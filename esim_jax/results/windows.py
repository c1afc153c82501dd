"""Windows: results are read, summed up and written so many rows at a time, so that memory is bounded.

Windows are aligned to the rows' order, never to chunks or parts: what is made from them can't depend on how the rows
were computed.
"""

from collections.abc import Iterator

WINDOW_ROWS = 2**18
"""Some tens of megabytes; also a row group of an exported Parquet file."""


def windows(n_rows: int) -> Iterator[tuple[int, int]]:
    """The first row of each window and the row after its last.

    >>> list(windows(300_000))
    [(0, 262144), (262144, 300000)]
    """
    return ((start, min(start + WINDOW_ROWS, n_rows)) for start in range(0, n_rows, WINDOW_ROWS))
