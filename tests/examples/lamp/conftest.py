"""The lamp's own fixtures."""

import pytest


@pytest.fixture
def serial() -> str:
    """What is printed on the lamp."""
    return "lamp-0001"
