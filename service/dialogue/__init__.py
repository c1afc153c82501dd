"""One turn of a dialogue: what a model is told, and what its answer means."""
