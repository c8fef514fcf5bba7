"""Scenarios of a lab that runs elsewhere, over its own door."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote, urlencode, urlsplit

from certgate_controlplane.client import CallError
from certgate_controlplane.scenario.service import Loaded

_SECONDS = 60.0
_ERROR = 400


@dataclass(frozen=True, slots=True)
class RemoteScenarios:
    """Does what `Scenarios` does, in another process.

    Attributes:
        url: where the lab's API is, such as ``http://127.0.0.1:8080``.
    """

    url: str

    def export(self, *, certificates: bool = True) -> str:
        """Write what the lab holds as a scenario.

        Args:
            certificates: with certificates or without.

        Raises:
            CallError: the lab refuses, or there is none.
        """
        return self._send("GET", "/export", query={"certificates": _word(certificates)})

    def load(self, document: bytes) -> Loaded:
        """Replace what the lab holds by a scenario.

        Args:
            document: the scenario, JSON.

        Returns:
            How much there is now.

        Raises:
            CallError: the lab refuses, or there is none.
        """
        loaded = json.loads(self._send("POST", "/import", document))
        return Loaded(int(loaded["cas"]), int(loaded["devices"]))

    def snapshot(self, name: str) -> None:
        """Keep what the lab holds under a name.

        Args:
            name: the name.

        Raises:
            CallError: the lab refuses, or there is none.
        """
        self._send("POST", f"/snapshots/{quote(name, safe='')}")

    def snapshots(self) -> list[str]:
        """List the names of the snapshots.

        Raises:
            CallError: the lab refuses, or there is none.
        """
        return [str(name) for name in json.loads(self._send("GET", "/snapshots"))["snapshots"]]

    def reset(self, name: str | None = None, *, remove_made: bool = False) -> None:
        """Go back to a snapshot, or to an empty lab.

        Args:
            name: the snapshot; None for the empty lab.
            remove_made: remove the CAs and devices that were made since, too.

        Raises:
            CallError: the lab refuses, or there is none.
        """
        query = {"remove_made": _word(remove_made)}
        if name is not None:
            query["snapshot"] = name
        self._send("POST", "/reset", query=query)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        query: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        target = f"/_certgate{path}?{urlencode(query)}"
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_SECONDS)
        try:
            connection.request(method, target, body)
            response = connection.getresponse()
            text = response.read().decode("utf-8")
            known = dict(json.loads(text))
        except (OSError, http.client.HTTPException, TypeError, ValueError) as error:
            raise CallError(f"no certgate answers at {self.url}: {error}") from error
        finally:
            connection.close()
        if response.status >= _ERROR:
            code, message = str(known.get("Code", "")), str(known.get("Message", ""))
            raise CallError(message, code, response.status)
        return text


def _word(flag: bool) -> str:
    return "true" if flag else "false"
