"""What every test leaves as it found it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A program that is run inside a test sets its logs up for good, on a stream that ends with the test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    config, configured = structlog.get_config(), structlog.is_configured()
    yield
    for handler in list(root.handlers):
        if type(handler) is logging.StreamHandler and handler not in handlers:
            root.removeHandler(handler)
            root.setLevel(level)
    if structlog.get_config() == config:
        return
    if configured:
        structlog.configure(**config)
    else:
        structlog.reset_defaults()
