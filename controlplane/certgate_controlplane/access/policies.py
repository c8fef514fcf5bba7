"""RAM policy documents: what a caller may do with which instance.

Only what is understood whole is accepted. A document with a member that is not known here, such as
``Condition``, ``NotAction`` or ``NotResource``, is refused: passing it over could allow what it
forbids.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

_VERSION = "1"


class PolicyError(ValueError):
    """A document cannot be used; the text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy.

    Attributes:
        allows: whether it allows or denies.
        actions: patterns of actions, such as ``mq:Get*``.
        resources: patterns of resources, such as ``acs:mq:*:*:post-cn-a``.
    """

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def covers(self, action: str, resource: str) -> bool:
        """Tell whether it speaks of this; RAM tells actions apart without regard to case.

        Args:
            action: such as ``mq:GetRegisterCode``.
            resource: such as ``acs:mq:cn-hangzhou:1234567890123456:post-cn-a``.
        """
        asked = action.lower()
        return any(matches(pattern.lower(), asked) for pattern in self.actions) and any(
            matches(pattern, resource) for pattern in self.resources
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy.

    Attributes:
        statements: in the order of the document.
    """

    statements: tuple[Statement, ...]


def is_allowed(policies: Iterable[Policy], action: str, resource: str) -> bool:
    """Tell whether policies allow something: one statement has to, and none may deny it.

    Args:
        policies: those attached to the caller.
        action: such as ``mq:GetRegisterCode``.
        resource: such as ``acs:mq:cn-hangzhou:1234567890123456:post-cn-a``.
    """
    verdicts = {
        statement.allows
        for policy in policies
        for statement in policy.statements
        if statement.covers(action, resource)
    }
    return verdicts == {True}


def matches(pattern: str, text: str) -> bool:
    """Match ``*`` (any characters) and ``?`` (any one); time is at most product of the lengths.

    Args:
        pattern: all other characters stand for themselves.
        text: what is looked at, to its end.
    """
    at = position = 0
    star, resume = -1, 0
    while position < len(text):
        here = pattern[at] if at < len(pattern) else None
        if here == "*":
            star, resume = at, position
            at += 1
        elif here in {"?", text[position]}:
            at, position = at + 1, position + 1
        elif star >= 0:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")


def read_policy(document: object) -> Policy:
    """Read a policy document.

    Args:
        document: as JSON gives it.

    Raises:
        PolicyError: it is none, or not understood whole.
    """
    members = _members(document, "policy", {"Version", "Statement"})
    if members["Version"] != _VERSION:
        raise PolicyError('a policy\'s Version is not "1"')
    statements = members["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    if not listed:
        raise PolicyError("a policy has no Statement")
    return Policy(tuple(_statement(each) for each in listed))


def _statement(document: object) -> Statement:
    members = _members(document, "statement", {"Effect", "Action", "Resource"})
    effect = members["Effect"]
    if effect not in ("Allow", "Deny"):
        raise PolicyError("a statement's Effect is neither Allow nor Deny")
    return Statement(
        effect == "Allow", _patterns(members, "Action"), _patterns(members, "Resource")
    )


def _members(document: object, what: str, names: Collection[str]) -> Mapping[str, object]:
    if not isinstance(document, dict):
        raise PolicyError(f"a {what} is no object")
    for unknown in sorted(document.keys() - names):
        raise PolicyError(f"a {what} has {unknown!r}, which certgate does not evaluate")
    for absent in sorted(names - document.keys()):
        raise PolicyError(f"a {what} has no {absent}")
    return document


def _patterns(members: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = members[name]
    patterns = value if isinstance(value, list) else [value]
    if not patterns or not all(isinstance(each, str) and each for each in patterns):
        raise PolicyError(f"a statement's {name} is neither a text nor a list of texts")
    return tuple(patterns)
