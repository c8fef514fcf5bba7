"""Serial numbers in the API's notation, judged by hand-computed DER and by openssl."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certgate_certs.serial_number import (
    MAX_LENGTH,
    SerialNumberError,
    look_up_key,
    sn_from_integer,
)
from certgate_certs.view import CertificateView
from certs import odd

# 63 octets and a sign octet are 128 hexadecimal digits: the most that a look-up takes.
NUMBERS = st.integers(min_value=0, max_value=2**504 - 1)


class TestSnFromInteger:
    """`sn_from_integer`."""

    @pytest.mark.parametrize(
        ("number", "sn"),
        [
            (0, "00"),
            (1, "01"),
            (127, "7f"),
            (128, "0080"),
            (255, "00ff"),
            (256, "0100"),
            (32767, "7fff"),
            (32768, "008000"),
            (2**159, "00" + "80" + "00" * 19),
            (-1, "ff"),
            (-128, "80"),
            (-129, "ff7f"),
        ],
    )
    def test_has_the_content_octets_of_the_der_integer(self, number: int, sn: str) -> None:
        """The shortest two's complement form (X.690, 8.3), in lower-case hex."""
        assert sn_from_integer(number) == sn

    @pytest.mark.parametrize("number", [1, 127, 128, 0xF26900BA8700000000, 2**159 - 1])
    def test_agrees_with_openssl(self, number: int) -> None:
        """The openssl tool prints the same number, upper-case and without the sign octet."""
        view = CertificateView.from_der(odd.self_issued(serial_number=number))
        printed = odd.openssl("x509", "-serial", "-noout", given=view.pem())
        assert printed.strip() == f"serial={view.sn.removeprefix('00').upper()}"

    def test_the_octets_stand_in_the_certificate(self) -> None:
        """The tag, the length and the octets of the `Sn` are found in the DER."""
        view = CertificateView.from_der(odd.self_issued(serial_number=0xF26900BA87))
        assert b"\x02\x06" + bytes.fromhex(view.sn) in view.der


class TestLookUpKey:
    """`look_up_key`."""

    @given(NUMBERS)
    def test_knows_a_number_in_every_notation(self, number: int) -> None:
        """Case, colons, and leading zeros make no difference."""
        sn = sn_from_integer(number)
        with_colons = ":".join(sn[i : i + 2] for i in range(0, len(sn), 2))
        notations = [sn.upper(), sn.lstrip("0") or "0", ("00" + sn)[-MAX_LENGTH:]]
        if len(with_colons) <= MAX_LENGTH:
            notations += [with_colons, with_colons.upper()]
        assert {look_up_key(text) for text in notations} == {look_up_key(sn)}

    @given(NUMBERS, NUMBERS)
    def test_tells_numbers_apart(self, one: int, other: int) -> None:
        """Two numbers have one key only where they are the same number."""
        keys = look_up_key(sn_from_integer(one)), look_up_key(sn_from_integer(other))
        assert (keys[0] == keys[1]) == (one == other)

    @given(NUMBERS)
    def test_a_key_is_its_own_key(self, number: int) -> None:
        """A key that was looked up once stays the same."""
        key = look_up_key(sn_from_integer(number))
        assert look_up_key(key) == key

    def test_zero_has_a_key(self) -> None:
        """Stripping zeros leaves one of them."""
        assert look_up_key("00:00") == "0"

    def test_takes_as_many_bytes_as_the_api(self) -> None:
        """128 bytes are taken, 129 are not."""
        assert look_up_key("a" * 128) == "a" * 128
        with pytest.raises(SerialNumberError, match="at most 128 bytes"):
            look_up_key("0" * 129)

    def test_counts_bytes_and_not_characters(self) -> None:
        """A text of 65 characters with 130 bytes is too long, not merely wrong."""
        with pytest.raises(SerialNumberError, match="at most 128 bytes"):
            look_up_key("ä" * 65)

    @pytest.mark.parametrize(
        "text", ["", ":", "0x1f", "1g", " 1f", "1f\n", "-1", "+1", "1_0", "٣", "\uff11", "\ud800"]
    )
    def test_refuses_what_is_not_hexadecimal(self, text: str) -> None:
        """Only the sixteen digits and colons are a serial number."""
        with pytest.raises(SerialNumberError, match="hexadecimal"):
            look_up_key(text)
