"""Batches of dialogues between entities that a language model speaks for: run durably, kept, and exported."""
