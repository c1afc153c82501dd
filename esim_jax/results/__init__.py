"""Results as Polars frames and files."""
