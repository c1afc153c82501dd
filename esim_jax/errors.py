"""What can go wrong, on one page.

    EsimError
    ├── InputError (ValueError)         a parameter, a file or an argument is not what it must be
    └── ResultsError (RuntimeError)     results are asked for that are not there
    ChunkWarning (UserWarning)          a device ran out of memory; the sweep goes on in smaller chunks
    IdleParameterWarning (UserWarning)  a parameter is swept that changes nothing
    OutcomeWarning (UserWarning)        an election had a rare but defined outcome (no votes, nobody over the threshold)
    SimulationWarning (UserWarning)     simulations of a user's own model failed; the others are kept

Every message is one sentence that names what was given, what is allowed, and the remedy.
"""


class EsimError(Exception):
    """Base class of all errors that `esim_jax` raises on purpose."""


class InputError(EsimError, ValueError):
    """A parameter, a file or an argument is not what it must be."""


class ResultsError(EsimError, RuntimeError):
    """Results are asked for that are not there, such as a summary before the run."""


class ChunkWarning(UserWarning):
    """A device ran out of memory; the sweep goes on in smaller chunks. The results are the same."""


class IdleParameterWarning(UserWarning):
    """A parameter has several values in a sweep, and what would read it is switched off in all configurations."""


class OutcomeWarning(UserWarning):
    """An election had a rare but defined outcome, such as no votes cast."""


class SimulationWarning(UserWarning):
    """Simulations of a user's own model failed; all others are kept."""
