"""Take a JSON document apart, strictly: what is unknown or of the wrong kind is named by place."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from certgate_controlplane.scenario.errors import ScenarioError

_LONGEST_PEM = 64 * 1024
_LONGEST_WORD = 80
_KEY_LABEL = "PRIVATE KEY"


@dataclass(frozen=True, slots=True)
class Part:
    """A value in a document.

    Attributes:
        value: as JSON gives it.
        place: where it is, such as ``cas[0].name``; "" for the document itself.
    """

    value: Any
    place: str = ""

    def wrong(self, what: str) -> ScenarioError:
        """Make the error that says what is wrong here.

        Args:
            what: without a full stop.
        """
        return ScenarioError.at(self.place, what)

    def members(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, "Part"]:
        """Take an object apart; a member that is null counts as absent.

        Args:
            known: the members it may have.
            required: those it must have.

        Raises:
            ScenarioError: it is no object, or has another member, or lacks one.
        """
        if not isinstance(self.value, dict):
            raise self.wrong(f"an object is expected, not {_shown(self.value)}")
        for name in self.value:
            if name not in known:
                raise self.wrong(f"there is no member {_shown(name)}; known: {', '.join(known)}")
        prefix = f"{self.place}." if self.place else ""
        found = {k: Part(v, prefix + k) for k, v in self.value.items() if v is not None}
        for name in required:
            if name not in found:
                raise self.wrong(f"the member {_shown(name)} is missing")
        return found

    def items(self) -> Iterator["Part"]:
        """Take a list apart.

        Raises:
            ScenarioError: it is no list.
        """
        if not isinstance(self.value, list):
            raise self.wrong(f"a list is expected, not {_shown(self.value)}")
        for number, value in enumerate(self.value):
            yield Part(value, f"{self.place}[{number}]")

    def text(self, most: int, *, blank: bool = False) -> str:
        """Read a text.

        Args:
            most: its greatest length in bytes of UTF-8.
            blank: it may consist of blanks.

        Raises:
            ScenarioError: it is no text, empty, blank, too long, or nothing that UTF-8 can write.
        """
        if not isinstance(self.value, str):
            raise self.wrong(f"a text is expected, not {_shown(self.value)}")
        try:
            length = len(self.value.encode())
        except UnicodeEncodeError:
            raise self.wrong("half of a surrogate pair is no character") from None
        if length > most:
            raise self.wrong(f"it has {length} bytes, {most} are allowed")
        if "\0" in self.value or not (self.value if blank else self.value.strip()):
            raise self.wrong("it is blank, or has a NUL character in it")
        return self.value

    def pem(self) -> str:
        """Read PEM: a text, or a list of its lines.

        Raises:
            ScenarioError: it is neither, too long, or a private key is in it.
        """
        if isinstance(self.value, list):
            lines = list(self.items())
            for line in lines:
                if not isinstance(line.value, str) or "\n" in line.value:
                    raise line.wrong("one line of text is expected")
            text = Part("".join(f"{line.value}\n" for line in lines), self.place).text(_LONGEST_PEM)
        else:
            text = self.text(_LONGEST_PEM)
        if _KEY_LABEL in text:
            raise self.wrong("a private key does not belong into a scenario")
        return text

    def choice(self, *choices: str) -> str:
        """Read one of several words.

        Args:
            choices: the words.

        Raises:
            ScenarioError: it is none of them.
        """
        if self.value not in choices or not isinstance(self.value, str):
            raise self.wrong(f"{' or '.join(choices)} is expected, not {_shown(self.value)}")
        return self.value

    def flag(self) -> bool:
        """Read true or false.

        Raises:
            ScenarioError: it is neither.
        """
        if not isinstance(self.value, bool):
            raise self.wrong(f"true or false is expected, not {_shown(self.value)}")
        return self.value

    def number(self, most: int) -> int:
        """Read a whole number.

        Args:
            most: how far it may be from 0.

        Raises:
            ScenarioError: it is none, or too far from 0.
        """
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.wrong(f"a whole number is expected, not {_shown(self.value)}")
        if abs(self.value) > most:
            raise self.wrong(f"it is further than {most} from 0")
        return self.value


def parse(document: str | bytes) -> Part:
    """Read JSON.

    Args:
        document: UTF-8, a byte order mark allowed.

    Raises:
        ScenarioError: it is no JSON, or an object in it has two members of one name.
    """
    try:
        text = document.decode("utf-8-sig") if isinstance(document, bytes) else document
        return Part(json.loads(text, object_pairs_hook=_object, parse_constant=_no_number))
    except UnicodeDecodeError:
        raise ScenarioError("the scenario is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ScenarioError(f"the scenario is no JSON: {where}: {error.msg}") from None
    except (RecursionError, ValueError) as error:
        raise ScenarioError(f"the scenario is no JSON that can be read: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ScenarioError(f"the scenario has two members {_shown(name)} in one object")
        found[name] = value
    return found


def _no_number(word: str) -> Any:  # noqa: ANN401  the hook's type
    raise ScenarioError(f"the scenario is no JSON: {word} is no number")


def _shown(value: object) -> str:
    """Show a value, in ASCII and not at length: it may be anything, and ends up in a terminal."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value).replace("\x7f", "\\u007f")
    return text if len(text) <= _LONGEST_WORD else f"{text[:_LONGEST_WORD]}..."
