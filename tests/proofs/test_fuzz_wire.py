"""That the fuzz proof can find something over real connections, and that its clients work."""

import asyncio
import os
import random
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker.conftest import ACCEPTED, HOST, connect_packet, write_pair
from certgate_broker.policy import RefusalStyle
from certgate_broker.tls import TlsStream
from certgate_certs.authority import CertificateAuthority
from proofs import fuzz_wire
from proofs.fuzz_attacks import Attacks
from proofs.fuzz_figures import Figures
from proofs.fuzz_houses import House, inside
from proofs.fuzz_scene import Scene, honest_is_admitted, prepare
from proofs.fuzz_talk import CLIENTS, Talk, by_hand
from proofs.fuzz_tls import Identity
from proofs.fuzz_wire import Storm, attack, recorded

NOT_AUTHORIZED = b"\x20\x02\x00\x05"
CONNECT = connect_packet("somebody")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Open a door that refuses with a CONNACK."""
    async with inside(tmp_path, RefusalStyle.CONNACK_5) as opened:
        yield opened


class TestClients:
    """The clients fail for what is spoilt, and for nothing else."""

    @pytest.mark.parametrize("talk", CLIENTS.values(), ids=CLIENTS.keys())
    async def test_admission(self, house: House, talk: Talk) -> None:
        """Each gets an active device in and an inactive one of any kind to the decision."""
        scene = await prepare(house)
        assert await talk(house, scene.active, connect_packet("active")) == ACCEPTED
        for identity in scene.inactive:
            assert await talk(house, identity, CONNECT) == NOT_AUTHORIZED

    async def test_resumption(self, house: House) -> None:
        """Sessions are resumed, and the device is as inactive as before."""
        attacks = Attacks(random.Random(1), await prepare(house))
        attacks.only("resumed")
        figures = Figures()
        await Storm(attacks, house.port, figures, "it").blow(60)
        made = (await recorded(house, 65))[5:]
        assert any(record.resumed for record in made)
        assert {record.reasons for record in made} >= {("device_inactive",)}
        assert figures.faults == []

    async def test_another_key(self, house: House) -> None:
        """Without the key of its certificate nobody gets through the handshake."""
        scene = await prepare(house)
        thief = Identity(scene.active.chain, scene.inactive[0].key)
        assert await by_hand(house, thief, connect_packet("active")) == b""
        assert (await recorded(house, 6))[5].reasons == ("handshake_failed",)


async def storm(house: House, port: int) -> list[str]:
    """Attack what is on a port; give the faults that are found."""
    figures = Figures()
    await Storm(Attacks(random.Random(1), await prepare(house)), port, figures, "it").blow(40)
    return figures.faults


class TestPlantedServers:
    """Servers that do what they should not are found out."""

    async def test_who_admits_anybody(self, house: House) -> None:
        """A server with TLS that says CONNACK 0 to all."""
        server = CertificateAuthority.create_root("CA").issue_server([HOST])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*write_pair(house.folder, server))

        async def admit(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(ACCEPTED)
            writer.close()

        async with await asyncio.start_server(admit, HOST, 0, ssl=context) as running:
            faults = await storm(house, running.sockets[0].getsockname()[1])
        assert any(": admitted" in fault for fault in faults)

    async def test_who_never_hangs_up(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server that keeps every connection."""
        monkeypatch.setattr(fuzz_wire, "PATIENCE", 0.05)
        kept = []

        async def keep(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            kept.append(writer)

        async with await asyncio.start_server(keep, HOST, 0) as running:
            faults = await storm(house, running.sockets[0].getsockname()[1])
            for writer in kept:
                writer.transport.abort()
        assert faults
        assert all("neither answered nor hung up" in fault for fault in faults)


class Leaks:
    """What connections leave behind, one each."""

    def __init__(self) -> None:
        self.files: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []

    def file(self) -> None:
        """Leave a file descriptor."""
        self.files.append(os.open(os.devnull, os.O_RDONLY))

    def task(self) -> None:
        """Leave a task."""
        self.tasks.append(asyncio.create_task(asyncio.sleep(3600)))

    def fault(self) -> None:
        """Leave nothing, but fail now and then."""
        self.files.append(os.open(os.devnull, os.O_RDONLY))
        os.close(self.files.pop())
        self.tasks.append(asyncio.create_task(asyncio.sleep(0)))
        if 10 < len(self.tasks) <= 15:
            raise RuntimeError("planted")


@pytest.fixture
def leaks() -> Iterator[Leaks]:
    """Clean up what was left behind."""
    left = Leaks()
    yield left
    for file in left.files:
        os.close(file)
    for task in left.tasks:
        task.cancel()


class TestPlantedInTheDoor:
    """What the door leaves behind or spoils is found."""

    async def attacked(self, house: House, monkeypatch: pytest.MonkeyPatch) -> str:
        """Attack it; give the faults."""
        monkeypatch.setattr(fuzz_wire, "BACK", 0.5)
        figures = Figures()
        await attack(house, 30, "1", figures)
        return "\n".join(figures.faults)

    async def test_nothing_is_planted(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """The door as it is has no faults."""
        assert await self.attacked(house, monkeypatch) == ""

    @pytest.mark.parametrize(
        ("what", "found"),
        [
            ("file", "more than before"),
            ("task", "more than before"),
            ("fault", "25 decisions are recorded"),
            ("fault", "it complains: "),
        ],
    )
    async def test_leak(
        self,
        house: House,
        monkeypatch: pytest.MonkeyPatch,
        leaks: Leaks,
        what: str,
        found: str,
    ) -> None:
        """A descriptor or a task a connection, or a fault now and then."""
        handshake = TlsStream.handshake

        async def planted(stream: TlsStream) -> None:
            getattr(leaks, what)()
            await handshake(stream)

        monkeypatch.setattr(TlsStream, "handshake", planted)
        assert found in await self.attacked(house, monkeypatch)

    async def test_registry(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """A row that was not there before."""
        rows = iter([{}, {"device_certificate": [(1,)]}])
        monkeypatch.setattr(House, "rows", lambda _: next(rows))
        assert "the registry has changed" in await self.attacked(house, monkeypatch)

    async def test_memory(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """More memory than allowed."""
        monkeypatch.setattr(fuzz_wire, "MOST_GROWTH", -1_000_000)
        assert "more memory than before" in await self.attacked(house, monkeypatch)

    async def test_honest_device(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """An honest device that is refused afterwards."""
        answers = iter([True, False])

        async def admitted(scene: Scene) -> bool:
            return await honest_is_admitted(scene) and next(answers)

        monkeypatch.setattr(fuzz_wire, "honest_is_admitted", admitted)
        assert "is not admitted any more" in await self.attacked(house, monkeypatch)
