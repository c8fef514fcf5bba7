"""Taking one call apart: who is asked for what, whether by headers (V3) or by parameters (V1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from certgate_controlplane.errors import parameter_check_failed
from certgate_controlplane.parameters import Parameters

FORM = "application/x-www-form-urlencoded"
"""The one kind of body that is read."""

_MOST_FIELDS = 1000


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as far as the API cares.

    Attributes:
        method: HTTP method.
        headers: by lower-case name.
        query: the query as received, without the question mark.
        body: as received, whether it is a form or not.
        parameters: what query and form say.
        repeated_headers: names of those that were sent more than once.
    """

    method: str
    headers: Mapping[str, str]
    query: bytes
    body: bytes
    parameters: Parameters
    repeated_headers: frozenset[str] = frozenset()

    @property
    def queried(self) -> list[tuple[str, str]]:
        """What the query alone says: name and value, decoded."""
        return _pairs(self.query)

    @property
    def action(self) -> str | None:
        """The action asked for; None where there is none, or header and parameter differ."""
        return self._named("x-acs-action", "Action")

    @property
    def version(self) -> str | None:
        """The version asked for; None where there is none, or header and parameter differ."""
        return self._named("x-acs-version", "Version")

    def _named(self, header: str, parameter: str) -> str | None:
        said = set(self.parameters.all(parameter))
        if header in self.headers:
            said.add(self.headers[header])
        return said.pop() if len(said) == 1 else None


def read_call(method: str, headers: Iterable[tuple[str, str]], query: bytes, body: bytes) -> Call:
    """Take a request apart.

    Args:
        method: HTTP method.
        headers: name and value as received, repetitions included.
        query: without the question mark.
        body: a form where method and content type say so; anything else says nothing.

    Raises:
        ApiError: ParameterCheckFailed where there are absurdly many parameters.
    """
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value)
    # A repeated header is a list (RFC 9110, 5.3), which names no action.
    joined = {name: ",".join(several) for name, several in values.items()}
    repeated = frozenset(name for name, several in values.items() if len(several) > 1)
    form = _pairs(body) if method == "POST" and _is_form(joined) else []
    return Call(method, joined, query, body, Parameters([*_pairs(query), *form]), repeated)


def _is_form(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    # Bytes that are not UTF-8 become lone surrogates, which no parameter lets through: they are
    # refused where they matter, and never replaced by something that was not sent.
    text = encoded.decode("utf-8", "surrogateescape")
    try:
        return parse_qsl(
            text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise parameter_check_failed() from error
