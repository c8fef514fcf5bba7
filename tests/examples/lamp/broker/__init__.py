"""The lamp's own package of this name: topics."""


def status_topic(lamp: str) -> str:
    """Name the topic on which a lamp says whether it shines."""
    return f"lamps/{lamp}/status"
