"""Parameter sweeps: the space of configurations, their seeds, and the runner."""
