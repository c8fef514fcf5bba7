"""Taking one call apart: who is asked for what, whether by headers (V3) or by parameters (V1)."""

from collections.abc import Mapping
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
        body: the form as received; empty where there is none.
        parameters: what query and form say.
    """

    method: str
    headers: Mapping[str, str]
    query: bytes
    body: bytes
    parameters: Parameters

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


def read_call(method: str, headers: Mapping[str, str], query: bytes, body: bytes) -> Call:
    """Take a request apart.

    Args:
        method: HTTP method.
        headers: by lower-case name.
        query: without the question mark.
        body: an ``application/x-www-form-urlencoded`` form, or nothing.

    Raises:
        ApiError: ParameterCheckFailed where there are absurdly many parameters.
    """
    parameters = Parameters([*_pairs(query), *_pairs(body)])
    return Call(method, headers, query, body, parameters)


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
