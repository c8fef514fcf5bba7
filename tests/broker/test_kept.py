"""Messages that are kept, and what they weigh."""

from amqtt.session import OutgoingApplicationMessage

from certgate_broker.kept import Kept, weight
from certgate_broker.packets import Kind, Publish
from certgate_broker.session import ClientSession


def message(packet_id: int, payload: bytes) -> OutgoingApplicationMessage:
    """Make a message."""
    return OutgoingApplicationMessage(packet_id, "a/b", 1, payload, retain=False)


def test_in_order_and_weighed() -> None:
    """What is kept stays in order, and its weight is the sum of what is left."""
    kept: Kept[OutgoingApplicationMessage] = Kept()
    first, second, third = (message(number, b"x" * number) for number in (7, 3, 5))
    for number, item in ((7, first), (3, second), (5, third)):
        kept.keep(number, item)
    assert kept.size == weight("a/b", b"x" * 15) + 2 * weight("a/b", b"")
    assert kept.let_go(3) is second
    assert list(kept.values()) == [first, third]
    assert kept.let_go(3) is None
    assert kept.let_go(7) is first
    assert kept.let_go(5) is third
    assert kept.size == 0


def test_a_message_costs_more_than_its_bytes() -> None:
    """Even an empty message weighs something, or any number of them could be kept."""
    assert weight("", b"") > 100
    assert weight("a/b", b"12") - weight("", b"") == 5


def test_room_in_a_session() -> None:
    """A session keeps messages to its client and from it apart; their identifiers, too (2.3.1)."""
    session = ClientSession("m", 1, clean=False)
    session.unacknowledged.keep(1, message(1, b""))
    session.unreleased.keep(2, Publish(Kind.PUBLISH, 2, "a/b", b"", 2))
    assert (len(session.unacknowledged), len(session.unreleased)) == (1, 1)
    assert session.next_packet_id == 2, "amqtt chooses identifiers that are free"
