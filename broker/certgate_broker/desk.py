"""What can be asked of running doors, in this process and in every other that shares the registry.

A `Desk` answers for one door. `Desks` asks all of them.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from certgate_broker.closer import Closer
from certgate_broker.decision_log import DecisionLog
from certgate_broker.engine import Engine
from certgate_broker.sessions import LiveSessions
from certgate_broker.watch import LOOK_SECONDS
from certgate_certs.registry import Registry, RegistryError, RegistryUnavailable
from certgate_certs.registry.mailbox import Post

_LOGGER = logging.getLogger(__name__)
_ANSWER_SECONDS = 5.0

Question = dict[str, Any]
"""What is asked: ``kind`` and its arguments, as JSON can carry them."""

Answers = Mapping[str, Callable[..., Awaitable[Any]]]
"""Who answers which kind of question: takes its arguments, gives what JSON can carry."""


class Desk:
    """Answers what is asked of one door.

    Args:
        engines: the door's MQTT engines by instance.
        sessions: who is connected.
        log: the door's decision log.
        closer: closes connections whose right was withdrawn; None where they are kept.
        further: what else can be asked of this process, by kind.

    Attributes:
        closer: as given; it can be replaced.
    """

    def __init__(
        self,
        engines: Mapping[str, Engine],
        sessions: LiveSessions,
        log: DecisionLog,
        closer: Closer | None,
        further: Answers | None = None,
    ) -> None:
        self._engines = engines
        self._sessions = sessions
        self._log = log
        self.closer = closer
        self._kinds: Answers = {
            **(further or {}),
            "close": self._close,
            "online": self._online,
            "send": self._send,
            "sessions": self._list,
            "flush": self._flush,
        }

    async def answer(self, question: Question) -> Any:  # noqa: ANN401  what JSON can carry
        """Answer a question.

        Args:
            question: ``kind`` and its arguments.
        """
        arguments = {name: value for name, value in question.items() if name != "kind"}
        return await self._kinds[question["kind"]](**arguments)

    async def _close(self, instance_id: str, client_id: str) -> bool:
        # Who is being admitted at this moment is entered first, and found.
        async with self._sessions.turn(instance_id, client_id):
            session = self._sessions.find(instance_id, client_id)
            if session is not None:
                await session.close()
        return session is not None

    async def _online(self, instance_id: str, client_ids: list[str]) -> list[str]:
        return [name for name in client_ids if self._sessions.find(instance_id, name) is not None]

    async def _send(self, instance_id: str, topic: str, payload: str) -> None:
        if instance_id in self._engines:
            await self._engines[instance_id].send(topic, payload.encode())

    async def _list(self) -> list[dict[str, Any]]:
        return [
            {
                **asdict(session.identity),
                "remote_address": session.remote_address,
                "since": session.since,
            }
            for session in self._sessions.all()
        ]

    async def _flush(self) -> None:
        await self._log.flush()
        if self.closer is not None:
            await self.closer.settled()


class OpenDesk:
    """A desk that also answers other processes.

    Args:
        desk: answers.
        registry: where requests are posted.

    Attributes:
        desk: answers.
        process: the number under which other processes know this one.
    """

    def __init__(self, desk: Desk, registry: Registry) -> None:
        self.desk = desk
        self.process = 0
        self._mailbox = registry.mailbox
        self._seen = 0

    async def open(self) -> None:
        """Become known to other processes."""
        self.process, self._seen = await self._mailbox.enter()

    async def close(self) -> None:
        """Be known to other processes no more."""
        with contextlib.suppress(RegistryError):
            await self._mailbox.leave(self.process)

    async def look(self) -> None:
        """Answer what has been posted since the last look.

        Raises:
            RegistryUnavailable: an answer cannot be given at the moment.
        """
        for post in await self._mailbox.since(self._seen):
            await self._answer(post)
            self._seen = post.number

    async def _answer(self, post: Post) -> None:
        try:
            answer = await self.desk.answer(json.loads(post.body))
        except RegistryUnavailable:
            raise
        except Exception:
            # Whoever asked gets no answer in time and says so; the door goes on.
            _LOGGER.exception("request %d could not be answered", post.number)
            return
        await self._mailbox.answer(post, self.process, json.dumps(answer))


class Desks:
    """Asks every door of a registry.

    Args:
        registry: where the others are reached.
        own: the desk in this process, or None.
    """

    def __init__(self, registry: Registry, own: OpenDesk | None) -> None:
        self._mailbox = registry.mailbox
        self._own = own

    async def close(self, instance_id: str, client_id: str) -> bool:
        """Close a client's connection, wherever it is; it may come back.

        Args:
            instance_id: the instance it is connected to.
            client_id: its client identifier.

        Returns:
            Whether there was one; it is gone.
        """
        return any(await self.ask(kind="close", instance_id=instance_id, client_id=client_id))

    async def online(self, instance_id: str, client_ids: list[str]) -> set[str]:
        """Find out who is connected.

        Args:
            instance_id: the instance.
            client_ids: client identifiers to be looked for.

        Returns:
            Those that are.
        """
        found = await self.ask(kind="online", instance_id=instance_id, client_ids=client_ids)
        return {client_id for answer in found for client_id in answer}

    async def send(self, instance_id: str, topic: str, payload: str) -> None:
        """Publish a message to whom it concerns.

        Args:
            instance_id: the instance.
            topic: topic name; ``…/p2p/<client identifier>`` reaches that client unsubscribed.
            payload: as given.
        """
        await self.ask(kind="send", instance_id=instance_id, topic=topic, payload=payload)

    async def sessions(self) -> list[dict[str, Any]]:
        """List who is connected, oldest first."""
        found = [item for answer in await self.ask(kind="sessions") for item in answer]
        return sorted(found, key=lambda item: int(item["since"]))

    async def flush(self) -> None:
        """Wait until every decision and closing made before is recorded in the registry."""
        await self.ask(kind="flush")

    async def ask(self, **question: object) -> list[Any]:
        """Ask every door, and wait for every answer.

        Args:
            question: ``kind`` and its arguments, as JSON can carry them.

        Returns:
            The answers, that of this process first.

        Raises:
            RegistryUnavailable: a process does not answer.
        """
        own = [] if self._own is None else [await self._own.desk.answer(question)]
        others = await self._mailbox.processes()
        if self._own is not None:
            others.discard(self._own.process)
        return own + (await self._ask_others(question, others) if others else [])

    async def _ask_others(self, question: Question, others: set[int]) -> list[Any]:
        number = await self._mailbox.post(json.dumps(question))
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                while not others.issubset(answers := await self._mailbox.answers(number)):
                    await asyncio.sleep(LOOK_SECONDS / 2)
                    others &= await self._mailbox.processes()
        except TimeoutError:
            raise RegistryUnavailable("a broker process does not answer") from None
        finally:
            await self._mailbox.withdraw(number)
        return [json.loads(body) for body in answers.values()]
