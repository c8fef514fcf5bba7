"""What has to hold of the CONNECT reader whatever it is given."""

import random
from collections.abc import Callable, Iterator

from broker.test_connect_any import agrees
from certgate_broker.connect import Connect, ConnectRefused, read_connect
from proofs.fuzz_figures import Figures
from proofs.mqtt_reading import Reading, read

LIMIT = 65_536
Reader = Callable[[bytes, int], Connect | None]


class ConnectCheck:
    """Judges the reader by a second reading of MQTT 3.1.1.

    Args:
        rng: chooses where bytes are cut.
        figures: measures what the reader takes.
        reader: what is judged.
    """

    def __init__(self, rng: random.Random, figures: Figures, reader: Reader = read_connect) -> None:
        self._rng, self._figures, self._reader = rng, figures, reader
        self._accepted = 0

    def __call__(self, data: bytes) -> str:
        """Check everything that can be said of some bytes; give what became of them."""
        found = self._figures.timed("CONNECT", data, lambda: self._read(data))
        reading = read(data, LIMIT)
        assert outcome(found) == reading.outcome, (found, reading)
        for cut in self._cuts(len(data), reading):
            self._check_beginning(data[:cut], found)
        if isinstance(found, Connect):
            self._check_fields(found, reading, data)
        return reading.outcome

    def _read(self, data: bytes) -> Connect | ConnectRefused | None:
        try:
            return self._reader(data, LIMIT)
        except ConnectRefused as refusal:
            return refusal

    def _cuts(self, size: int, reading: Reading) -> Iterator[int]:
        yield from (int(self._rng.random() * (size + 1)) for _ in range(3))
        if reading.outcome == "read":
            yield from (reading.end - 1, reading.end)

    def _check_beginning(self, begin: bytes, whole: Connect | ConnectRefused | None) -> None:
        """A beginning is waited for, or is already judged as the whole is."""
        found = self._read(begin)
        if isinstance(found, Connect):
            assert isinstance(whole, Connect), "a beginning is accepted, the whole is not"
            assert begin[len(begin) - len(found.rest) :] == found.rest
            assert whole.rest.startswith(found.rest)
            assert essence(found) == essence(whole)
        elif found is not None:
            assert isinstance(whole, ConnectRefused), "a beginning is refused, the whole is not"
            assert (found.reason, str(found)) == (whole.reason, str(whole))

    def _check_fields(self, found: Connect, reading: Reading, data: bytes) -> None:
        assert found.rest == data[reading.end :]
        assert found.keep_alive == reading.keep_alive
        assert found.clean_session == bool(reading.flags & 2)
        assert (found.password, encoded(found.user_name)) == (reading.password, reading.user_name)
        assert found.client_id_assigned == (reading.client_id == b"")
        client_id = found.client_id.encode()
        assert client_id == (reading.client_id or client_id) != b""
        assert last_words(found) == (reading.will, reading.flags & 0x3C)
        self._accepted += 1
        if self._accepted % 50 == 0:
            assert agrees(found, data), "amqtt reads something else"


def outcome(found: Connect | ConnectRefused | None) -> str:
    """Name what became of bytes as `Reading` does."""
    if isinstance(found, ConnectRefused):
        return found.reason.value
    return "more" if found is None else "read"


def essence(found: Connect) -> tuple[object, ...]:
    """Give what does not differ between two readings of one packet: no identifier made up."""
    fields = (found.clean_session, found.keep_alive, found.user_name, found.password)
    return (*fields, found.will, found.client_id_assigned or found.client_id)


def last_words(found: Connect) -> tuple[object, int]:
    """Give the will, topic and message, and the connect flags that tell of it."""
    will = found.will
    if will is None:
        return None, 0
    return (will.topic.encode(), will.message), 4 | will.qos << 3 | will.retain << 5


def encoded(text: str | None) -> bytes | None:
    """Give text as it is sent."""
    return None if text is None else text.encode()
