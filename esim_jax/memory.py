"""The memory of a device."""

import os
from pathlib import Path

import jax

_UNKNOWN = 2**32
"""Assumed where the system says nothing."""


def memory_of(device: jax.Device) -> int:
    """Bytes of memory that a computation on this device can use.

    An accelerator's own; for a CPU that of the machine, or of the container where its limit is lower.
    """
    stats = device.memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    return min(_physical(), _container_limit())


def _physical() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not a POSIX system
        return _UNKNOWN


def _container_limit(root: Path = Path("/sys/fs/cgroup")) -> int:
    """The limit of a Linux container, under either version of control groups; a very large number without one."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            text = (root / name).read_text("ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            return int(text)
    return 2**62
