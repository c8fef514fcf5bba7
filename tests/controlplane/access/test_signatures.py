"""What is refused in both styles of signature, and between them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from controlplane.access.kit import (
    STYLES,
    TOKEN,
    VERSION,
    Signed,
    code,
    percent,
    v1,
    v3,
)
from controlplane.harness import INSTANCE, Driver


class TestBothStyles:
    """What is refused in whichever style."""

    @pytest.mark.parametrize("sign", STYLES.values(), ids=STYLES)
    async def test_repeated_parameter(
        self, signed_driver: Driver, sign: Callable[..., Signed]
    ) -> None:
        """A parameter that is there twice is refused, also where both say the same."""
        signed = sign()
        twice = replace(signed, query=[*signed.query, ("MqttInstanceId", INSTANCE)])
        assert await code(signed_driver, twice) == "IncompleteSignature"

    @pytest.mark.parametrize("sign", STYLES.values(), ids=STYLES)
    @pytest.mark.parametrize(("name", "value"), [("MqttInstanceId", "other"), ("More", "")])
    async def test_tampered_parameter(
        self, signed_driver: Driver, sign: Callable[..., Signed], name: str, value: str
    ) -> None:
        """A parameter that was changed or added after signing breaks the signature."""
        signed = sign().with_parameter(name, value)
        assert await code(signed_driver, signed) == "SignatureDoesNotMatch"

    @pytest.mark.parametrize(
        "name", ["AccessKeyId", "Signature", "SecurityToken", "SignatureType", "Timestamp"]
    )
    async def test_both_at_once(self, signed_driver: Driver, name: str) -> None:
        """Two signatures, or a piece of another one, are one too many."""
        signed = v3(parameters={"MqttInstanceId": INSTANCE, name: TOKEN})
        assert await code(signed_driver, signed) == "IncompleteSignature"

    async def test_two_whole_signatures(self, signed_driver: Driver) -> None:
        """Two good signatures are refused like one good and one bad."""
        by_parameters = v1()
        signed = v3(parameters=dict(by_parameters.query))
        assert await code(signed_driver, signed) == "IncompleteSignature"

    @pytest.mark.parametrize(
        "header", ["x-acs-bearer-token", "x-acs-signature-type", "x-acs-zero-trust-idtoken"]
    )
    async def test_other_proofs(self, signed_driver: Driver, header: str) -> None:
        """Bearer and identity tokens are not checked, so they are refused."""
        assert await code(signed_driver, v3(headers={header: "x"})) == "IncompleteSignature"
        assert await code(signed_driver, v1().with_header(header, "x")) == "IncompleteSignature"
        bare = Signed("GET", v3().query, [*v3().headers[:-1], (header, "x")])
        assert await code(signed_driver, bare) == "IncompleteSignature"

    async def test_anonymous(self, signed_driver: Driver) -> None:
        """Who does not sign is refused."""
        query = [("Action", "GetRegisterCode"), ("Version", VERSION), ("MqttInstanceId", INSTANCE)]
        assert await code(signed_driver, Signed("GET", query)) == "MissingAccessKeyId"


def test_percent_encoding_of_the_tests() -> None:
    """The tests' own encoder keeps the unreserved characters alone (RFC 3986, 2.3)."""
    assert percent("a b*~()'!/@+=é-_.") == "a%20b%2A~%28%29%27%21%2F%40%2B%3D%C3%A9-_."
