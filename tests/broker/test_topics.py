"""Who receives what: topics with a leading ``$``, wildcards, retained messages, instances."""

import pytest

from broker.conftest import FIRST, SECOND, House, eventually, register
from broker.wire import Raw, Will, connect, packet, publish, text
from certgate_broker import distribution as module
from certgate_broker.desk import Desks
from certgate_certs.authority import CertificateAuthority

REFUSED = 0x80


async def device(house: House, ca: CertificateAuthority, name: str, *, clean: bool = True) -> Raw:
    """Connect a device of its own certificate."""
    return await Raw.open(house, ca.issue_device(name), connect(name, clean=clean))


async def heard(client: Raw) -> list[bytes]:
    """Give the payloads of what has come by now."""
    return [message.payload for message in await client.settled()]


class TestDollar:
    """Topics with a leading ``$`` (4.7.2)."""

    @pytest.mark.parametrize("topic", ["$SYS/broker/uptime", "$share/group/t", "$", "$t"])
    async def test_not_for_clients(
        self, house: House, ca: CertificateAuthority, topic: str
    ) -> None:
        """What a client publishes there reaches nobody, is not retained, and costs it the line."""
        reader = await device(house, ca, "reader")
        for topic_filter in ("#", "$SYS/#", "$share/group/t", topic):
            assert await reader.subscribe(topic_filter) == 1
        for qos in (0, 1, 2):
            client = await device(house, ca, f"m{qos}")
            client.send(publish(topic, b"x", qos, retain=True))
            assert await client.cut_off() == b""
        assert await heard(reader) == []
        late = await device(house, ca, "late")
        await late.subscribe(topic)
        assert await heard(late) == []
        await late.leave()
        await reader.leave()

    async def test_not_by_wildcard(self, house: House, ca: CertificateAuthority) -> None:
        """Filters that begin with a wildcard do not match them, filters that name them do."""
        reader, named = await device(house, ca, "reader"), await device(house, ca, "named")
        for topic_filter in ("#", "+/a", "+/#"):
            await reader.subscribe(topic_filter)
        await named.subscribe("$SYS/#")
        desks = Desks(house.registry, house.door.desk)
        await desks.send(FIRST, "$SYS/a", "the operator's")
        assert await heard(reader) == []
        assert await heard(named) == [b"the operator's"]
        await reader.leave()
        await named.leave()

    async def test_nothing_is_there(self, house: House, ca: CertificateAuthority) -> None:
        """The broker publishes nothing about itself: who subscribes to ``$SYS/#`` hears nothing."""
        reader = await device(house, ca, "reader")
        assert await reader.subscribe("$SYS/#") == 1
        await (await device(house, ca, "other")).leave()
        assert await heard(reader) == []
        await reader.leave()


class TestFilters:
    """Subscriptions."""

    @pytest.mark.parametrize("bad", ["a/#/b", "a#", "#a", "##", "a+", "+a/b", "a/+b"])
    async def test_misplaced_wildcards(
        self, house: House, ca: CertificateAuthority, bad: str
    ) -> None:
        """A filter with a wildcard in a wrong place is not granted (4.7.1), others are."""
        client = await device(house, ca, "m")
        two = b"\x00\x07" + text(bad) + b"\x01" + text("t") + b"\x02"
        client.send(packet(0x82, two))
        assert await client.packet() == (0x90, b"\x00\x07\x80\x02")
        await client.leave()

    async def test_wildcards_reach_across_devices(
        self, house: House, ca: CertificateAuthority
    ) -> None:
        """Within an instance every device may listen to every other: the README says so."""
        spy, victim = await device(house, ca, "spy"), await device(house, ca, "victim")
        for topic_filter in ("#", "private/+"):
            await spy.subscribe(topic_filter)
        victim.send(publish("private/victim", b"x"))
        await victim.settled()
        assert await heard(spy) == [b"x", b"x"], "one for each subscription (3.3.5)"
        await spy.leave()
        await victim.leave()

    @pytest.mark.parametrize("qos", [0, 1, 2])
    async def test_lower_quality_wins(
        self, house: House, ca: CertificateAuthority, qos: int
    ) -> None:
        """A message arrives with the lower QoS of its own and the subscription's (3.8.4)."""
        sender = await device(house, ca, "sender")
        for granted in (0, 1, 2):
            reader = await device(house, ca, f"reader{granted}")
            assert await reader.subscribe("t", granted) == granted
            sender.send(publish("t", b"x", qos))
            if qos == 2:
                sender.send(b"\x62\x02\x00\x01")
            assert (await reader.message()).qos == min(qos, granted)
            await reader.leave()
        await sender.vanish()

    async def test_subscribed_again(self, house: House, ca: CertificateAuthority) -> None:
        """A second subscription with the same filter replaces the first (3.8.4)."""
        client = await device(house, ca, "m")
        for qos in (0, 2, 1):
            assert await client.subscribe("t", qos) == qos
        client.send(publish("t", b"x", 1))
        assert [message.qos for message in (await client.message(),)] == [1]
        assert await client.packet() == (0x40, b"\x00\x01")
        await client.leave()

    async def test_unsubscribed(self, house: House, ca: CertificateAuthority) -> None:
        """After UNSUBSCRIBE nothing arrives, and nothing is left to be compared with messages."""
        client = await device(house, ca, "m")
        await client.subscribe("a")
        await client.subscribe("b")
        client.send(packet(0xA2, b"\x00\x05" + text("a") + text("c")), publish("a", b"x"))
        assert await client.packet() == (0xB0, b"\x00\x05")
        assert await client.settled() == []
        assert list(house.door._engines[FIRST]._exchange.subscriptions) == ["b"]  # noqa: SLF001
        await client.leave()
        await eventually(lambda: not house.door._engines[FIRST]._exchange.subscriptions)  # noqa: SLF001

    async def test_in_the_order_asked(self, house: House, ca: CertificateAuthority) -> None:
        """Subscriptions and their ends in one piece are done in order."""
        client = await device(house, ca, "m")
        on = packet(0x82, b"\x00\x09" + text("t") + b"\x01")
        off = packet(0xA2, b"\x00\x09" + text("t"))
        client.send(*[on, off] * 20, on, publish("t", b"x"))
        answers = [(await client.packet())[0] for _ in range(41)]
        assert answers == [0x90, 0xB0] * 20 + [0x90]
        assert await heard(client) == [b"x"]
        await client.leave()

    async def test_so_many(
        self, house: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A client has so many subscriptions and no more; it may renew those it has."""
        monkeypatch.setattr(module, "_MOST_FILTERS", 3)
        client, other = await device(house, ca, "m"), await device(house, ca, "other")
        assert [await client.subscribe(f"t{number}") for number in range(5)] == [
            1,
            1,
            1,
            REFUSED,
            REFUSED,
        ]
        assert await client.subscribe("t1", 2) == 2
        client.send(packet(0xA2, b"\x00\x09" + text("t0")))
        assert (await client.packet())[0] == 0xB0
        assert await client.subscribe("t4") == 1
        assert await other.subscribe("t4") == 1
        await client.leave()
        await other.leave()


class TestRetained:
    """Retained messages (3.3.1.3)."""

    async def test_for_subscribers_only(self, house: House, ca: CertificateAuthority) -> None:
        """A client that is subscribed to nothing is sent nothing, whatever others subscribe to."""
        reader = await device(house, ca, "reader", clean=False)
        await reader.subscribe("secret/#")
        reader.send(publish("secret/a", b"x", retain=True))
        assert await heard(reader) == [b"x"]
        for clean in (True, False):
            spy = await device(house, ca, "spy", clean=clean)
            assert await heard(spy) == []
            await spy.leave()
            await eventually(lambda: house.door.sessions.find(FIRST, "spy") is None)
        await reader.leave()

    async def test_for_new_subscriptions(self, house: House, ca: CertificateAuthority) -> None:
        """They are marked so, sent at each SUBSCRIBE, and not when a session goes on."""
        sender, issued = await device(house, ca, "sender"), ca.issue_device("m")
        sender.send(publish("other", b"not subscribed to", retain=True))
        for qos in (0, 1):
            sender.send(publish(f"t/{qos}", b"%d" % qos, qos, retain=True))
        client = await Raw.open(house, issued, connect("m", clean=False))
        await client.subscribe("t/+", 0)
        assert {(m.payload, m.qos, m.retain) for m in await client.settled()} == {
            (b"0", 0, True),
            (b"1", 0, True),
        }
        await client.subscribe("t/+", 2)
        assert {(m.payload, m.qos, m.retain) for m in await client.settled()} == {
            (b"0", 0, True),
            (b"1", 1, True),
        }
        sender.send(publish("t/0", b"new", 0, retain=True))
        live = await client.message()
        assert (live.payload, live.retain) == (b"new", False)
        client.send(b"\x40\x02\x00\x01")
        await client.leave()
        await eventually(lambda: house.door.sessions.find(FIRST, "m") is None)
        client = await Raw.open(house, issued, connect("m", clean=False))
        assert await heard(client) == []
        await client.leave()
        await sender.vanish()

    async def test_cleared(self, house: House, ca: CertificateAuthority) -> None:
        """An empty message clears what was retained, and is not retained itself."""
        client = await device(house, ca, "m")
        client.send(publish("t", b"x", retain=True), publish("t", b"", retain=True))
        client.send(publish("never", b"", retain=True))
        await client.subscribe("#")
        assert await client.settled() == []
        await client.leave()


async def test_nothing_crosses_between_instances(house: House, ca: CertificateAuthority) -> None:
    """Messages, retained ones, wills, sessions and identifiers of an instance stay in it."""
    other = CertificateAuthority.create_root("CA of the second")
    await register(house.registry, other, SECOND)
    name = f"{SECOND}.localhost"
    spies = [
        await Raw.open(house, other.issue_device("spy"), connect("spy", clean=False), name),
        await Raw.open(house, ca.issue_device("witness"), connect("witness", clean=False)),
    ]
    for spy in spies:
        await spy.subscribe("#")
    mine, theirs = ca.issue_device("m"), other.issue_device("m")
    hello = connect("m", clean=False, will=Will(retain=True))
    first = await Raw.open(house, mine, hello)
    second = await Raw.open(house, theirs, hello, name)
    assert [first.present, second.present] == [False, False]
    await first.subscribe("private")
    first.send(publish("t", b"message"), publish("r", b"retained", retain=True))
    assert await heard(first) == []
    await Desks(house.registry, house.door.desk).send(FIRST, "x/p2p/m", "for one")
    assert await heard(first) == [b"for one"]
    assert await heard(second) == []
    await first.vanish()
    await eventually(lambda: house.door.sessions.find(FIRST, "m") is None)
    assert house.door.sessions.find(SECOND, "m") is not None
    assert await heard(spies[1]) == [b"message", b"retained", b"gone"]
    assert await heard(spies[0]) == []
    second.send(publish("private", b"for the first"))
    assert await second.subscribe("#") == 1
    assert await heard(second) == []
    first = await Raw.open(house, mine, connect("m", clean=False))
    assert first.present
    assert await heard(first) == [b"for one"], "which it has not acknowledged"
    for client in (*spies, first, second):
        await client.leave()
