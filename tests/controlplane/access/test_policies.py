"""RAM policy documents: what they allow, and which ones are refused."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certgate_controlplane.access.policies import PolicyError, is_allowed, matches, read_policy

RESOURCE = "acs:mq:cn-hangzhou:1000000000000001:post-cn-a"
ACTION = "mq:GetRegisterCode"


def statement(**changes: Any) -> dict[str, Any]:
    """Write a statement that allows everything, changed."""
    return {"Effect": "Allow", "Action": "*", "Resource": "*"} | changes


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """Write a policy document."""
    return {"Version": "1", "Statement": list(statements)}


class TestVerdict:
    """What is allowed."""

    @pytest.mark.parametrize(
        ("statements", "allowed"),
        [
            ([statement()], True),
            ([statement(Action="mq:*")], True),
            ([statement(Action="mq:GetRegisterCode")], True),
            ([statement(Action="MQ:getregistercode")], True),
            ([statement(Action=["mq:Nothing", "mq:Get*Code"])], True),
            ([statement(Action="mq:GetRegisterCod?")], True),
            ([statement(Action="mq:GetRegisterCode?")], False),
            ([statement(Action="mq:Get")], False),
            ([statement(Action="ecs:*")], False),
            ([statement(Resource=RESOURCE)], True),
            ([statement(Resource="acs:mq:*:*:post-cn-a")], True),
            ([statement(Resource=["acs:mq:*:*:post-cn-b", "acs:mq:*:*:post-cn-?"])], True),
            ([statement(Resource="acs:mq:*:*:post-cn-b")], False),
            ([statement(Resource="acs:mq:*:*:POST-cn-a")], False),
            ([statement(Resource="acs:mq:*:1000000000000002:*")], False),
            ([statement(Effect="Deny")], False),
            ([statement(), statement(Effect="Deny")], False),
            ([statement(Effect="Deny"), statement()], False),
            ([statement(), statement(Effect="Deny", Action="mq:get*")], False),
            ([statement(), statement(Effect="Deny", Action="mq:Delete*")], True),
            ([statement(), statement(Effect="Deny", Resource="acs:mq:*:*:post-cn-b")], True),
            ([statement(Action="mq:Delete*"), statement(Resource="nothing")], False),
        ],
    )
    def test_matrix(self, statements: list[dict[str, Any]], allowed: bool) -> None:
        """One statement has to allow, none may deny; only actions are told apart without case."""
        policy = read_policy(document(*statements))
        assert is_allowed([policy], ACTION, RESOURCE) is allowed

    def test_no_policy_allows_nothing(self) -> None:
        """Where no policy is attached nothing is allowed."""
        assert not is_allowed([], ACTION, RESOURCE)

    def test_deny_in_another_policy(self) -> None:
        """A denial counts from whichever policy it comes."""
        allowing = read_policy(document(statement()))
        denying = read_policy(document(statement(Effect="Deny")))
        assert not is_allowed([allowing, denying], ACTION, RESOURCE)
        assert not is_allowed([denying, allowing], ACTION, RESOURCE)

    def test_single_statement_is_no_list(self) -> None:
        """A document may have one statement without a list around it."""
        policy = read_policy({"Version": "1", "Statement": statement()})
        assert is_allowed([policy], ACTION, RESOURCE)


class TestPattern:
    """How a pattern matches."""

    @given(
        pattern=st.text("ab*?.[", max_size=12),
        text=st.text("ab*?.[\n", max_size=12),
    )
    def test_as_a_regular_expression_would(self, pattern: str, text: str) -> None:
        """Only the star and the question mark are special."""
        regular = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
        assert matches(pattern, text) == bool(re.fullmatch(regular, text, re.DOTALL))

    def test_many_stars_cost_little(self) -> None:
        """A pattern made to be slow is not."""
        assert not matches("*a" * 200 + "b", "a" * 2000)


class TestDocument:
    """Which documents are refused."""

    @pytest.mark.parametrize(
        ("bad", "says"),
        [
            (None, "policy is no object"),
            ([], "policy is no object"),
            ({"Statement": []}, "no Version"),
            ({"Version": "1"}, "no Statement"),
            ({"Version": 1, "Statement": statement()}, "Version"),
            ({"Version": "2012-10-17", "Statement": statement()}, "Version"),
            (document(), "no Statement"),
            (document() | {"Id": "x"}, "'Id'"),
            ({"Version": "1", "Statement": "x"}, "statement is no object"),
            ({"Version": "1", "Statement": [None]}, "statement is no object"),
            (document(statement(Condition={})), "'Condition'"),
            (document(statement(NotAction="*")), "'NotAction'"),
            (document(statement(NotResource="*")), "'NotResource'"),
            (document(statement(), {"Effect": "Allow", "Action": "*"}), "no Resource"),
            (document({"Effect": "Allow", "Resource": "*"}), "no Action"),
            (document({"Action": "*", "Resource": "*"}), "no Effect"),
            (document(statement(Effect="allow")), "Effect"),
            (document(statement(Effect=None)), "Effect"),
            (document(statement(Effect=["Allow"])), "Effect"),
            (document(statement(Action=[])), "Action"),
            (document(statement(Action="")), "Action"),
            (document(statement(Action=["*", 1])), "Action"),
            (document(statement(Resource={})), "Resource"),
            (document(statement(Resource=None)), "Resource"),
        ],
    )
    def test_is_refused(self, bad: object, says: str) -> None:
        """What is not understood whole is refused, with a word on what it is."""
        with pytest.raises(PolicyError, match=re.escape(says)):
            read_policy(bad)
