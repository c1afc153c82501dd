"""Structured logs: one JSON object a line on standard error, without texts of dialogues and without keys."""

import logging
import sys

import structlog


def configure_logs(level: str) -> None:
    """Sends the service's own events to standard error, and quiets what would name requests' contents."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    for name in ("httpx2", "httpx", "openai"):
        logging.getLogger(name).setLevel(logging.WARNING)
