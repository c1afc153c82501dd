"""People's own ballots and votes, counted exactly and stage by stage.

The same rules as `esim_jax.systems` has for simulated electorates, in plain Python and exact rationals: slower by far,
and able to say what happened in every stage. Nothing here needs JAX.
"""
