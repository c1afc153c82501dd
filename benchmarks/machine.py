"""The machine, its load, and the versions of what runs on it."""

import os
import platform
from pathlib import Path

from peer import PACKAGE as PEER
from sweeps import sized
from tables import Row
from workers import Worker, our_worker


def describe_machine(peer: str | None) -> list[Row]:
    """What it is measured on."""
    rows = [{"": "load before", "is": load()}]
    with our_worker() as ours:
        about = ours.about
        devices = ours.run(sized(1, 1_000))["devices"]
    rows += [
        {"": "CPU", "is": cpu_model()},
        {"": "cores", "is": str(os.cpu_count())},
        {"": "system", "is": platform.platform()},
        {"": "JAX devices", "is": ", ".join(devices)},
        {"": "ours", "is": versions(about)},
    ]
    if peer is not None:
        with Worker(peer, PEER) as other:
            rows.append({"": "peer", "is": versions(other.about)})
    return rows


def versions(about: Row) -> str:
    return ", ".join(f"{name} {version}" for name, version in about["versions"].items())


def cpu_model() -> str:
    """The CPU's name, with its family and model where the name says little."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    numbers = f"family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}"
    return f"{facts.get('model name', platform.machine())} ({numbers})"


def cores() -> list[int]:
    """The cores that this process may use; none where the system doesn't say or can't pin."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def load() -> str:
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
