"""Language models: one call in, one answer out, kindly to the server that gives it."""
