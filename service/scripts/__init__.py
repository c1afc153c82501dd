"""Commands that use the service."""
