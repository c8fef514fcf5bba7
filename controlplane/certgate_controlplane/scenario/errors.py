"""What can be wrong with a scenario."""


class ScenarioError(Exception):
    """A scenario cannot be read, kept or loaded; the text says what is wrong and where."""

    @classmethod
    def at(cls, place: str, what: str) -> "ScenarioError":
        """Say where it is wrong.

        Args:
            place: such as ``cas[0].name``; "" for the file as a whole.
            what: what is wrong, without a full stop.
        """
        return cls(f"{place or 'the scenario'}: {what}")


class SnapshotUnknown(ScenarioError):  # noqa: N818  the state is the name
    """There is no snapshot of that name."""
