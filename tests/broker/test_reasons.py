"""Reasons are complete: a sentence and a return code each."""

import pytest

from certgate_broker.reasons import Reason, ReturnCode


class TestReason:
    """`Reason`."""

    @pytest.mark.parametrize("reason", list(Reason))
    def test_has_a_sentence(self, reason: Reason) -> None:
        """Every reason can be told to people in one sentence."""
        assert reason.sentence[0].isupper()
        assert reason.sentence.endswith(".")
        assert reason.sentence.count(".") == 1 + reason.sentence.count("3.1.1") * 2

    def test_sentences_differ(self) -> None:
        """No two reasons say the same."""
        assert len({reason.sentence for reason in Reason}) == len(Reason)

    @pytest.mark.parametrize("reason", list(Reason))
    def test_has_a_return_code_that_refuses(self, reason: Reason) -> None:
        """Four reasons have a return code of their own, the others are "not authorized"."""
        expected = {
            Reason.PROTOCOL_VERSION_UNSUPPORTED: ReturnCode.UNACCEPTABLE_PROTOCOL_VERSION,
            Reason.SIGNATURE_INVALID: ReturnCode.BAD_USER_NAME_OR_PASSWORD,
            Reason.TOO_MANY_CONNECTIONS: ReturnCode.SERVER_UNAVAILABLE,
            Reason.REGISTRY_UNAVAILABLE: ReturnCode.SERVER_UNAVAILABLE,
        }
        assert reason.return_code == expected.get(reason, ReturnCode.NOT_AUTHORIZED)

    def test_values_are_words_of_the_record(self) -> None:
        """A record writes reasons one after the other, so none of them has a space in it."""
        assert all(reason.value == reason.name.lower() for reason in Reason)


class TestReturnCode:
    """`ReturnCode`."""

    def test_numbers_are_those_of_the_standard(self) -> None:
        """MQTT 3.1.1, table 3.1, has these six."""
        assert [code.value for code in ReturnCode] == [0, 1, 2, 3, 4, 5]
        assert (ReturnCode.IDENTIFIER_REJECTED, ReturnCode.SERVER_UNAVAILABLE) == (2, 3)
