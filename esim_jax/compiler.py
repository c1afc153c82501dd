"""What the compiler is told, by the kind of program."""

import jaxlib

FAST: dict[str, bool | int] = {"xla_cpu_prefer_vector_width": 512}
"""For loops over voters: the widest vectors, measured 1.0 to 1.3 times as fast as the compiler's default of 256 bits
(benchmarks/)."""

QUICK = dict(FAST)
"""For programs of many small loops, which take longer to compile than to run."""

if jaxlib.version.__version_info__ < (0, 11):  # later versions have no such choice
    # on a CPU programs without them compile in two thirds of the time; loops over voters run at 0.9 to 1.0 of the speed
    FAST["xla_cpu_use_fusion_emitters"] = True
    QUICK["xla_cpu_use_fusion_emitters"] = False
