"""Batches of simulations: what they are made of, how they run, and how their transcripts leave."""
