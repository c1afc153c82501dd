"""Entities: the personas that speak in dialogues, and their types."""
