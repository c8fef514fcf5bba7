"""Reading request parameters."""

import pytest

from certgate_controlplane.errors import ApiError
from certgate_controlplane.parameters import Parameters


def given(*values: str) -> Parameters:
    """Give a request whose parameter ``p`` has these values."""
    return Parameters([("other", "x"), *(("p", value) for value in values)])


class TestText:
    """`Parameters.text`."""

    @pytest.mark.parametrize("value", ["a", " a\n", "ü" * 5, "a" * 10, "\N{SNOWMAN}"])
    def test_taken_as_it_is(self, value: str) -> None:
        """A text within its bound is given unchanged."""
        assert given(value).text("p", most=10) == value

    @pytest.mark.parametrize(
        "value", ["", " ", "\n\t", "a" * 11, "ü" * 6, "a\0", "\udc80", "a\ud800b"]
    )
    def test_refused(self, value: str) -> None:
        """Blank, too long in bytes, NUL and lone surrogates are refused."""
        with pytest.raises(ApiError, match="ParameterFieldCheckFailed"):
            given(value).text("p", most=10)

    @pytest.mark.parametrize("values", [(), ("a", "a"), ("a", "b")])
    def test_once(self, values: tuple[str, ...]) -> None:
        """A parameter is given exactly once."""
        with pytest.raises(ApiError, match="ParameterFieldCheckFailed"):
            given(*values).text("p", most=10)


class TestSerialNumber:
    """`Parameters.serial_number`."""

    @pytest.mark.parametrize("value", ["0", "00F2", "00:f2:69", "a" * 128])
    def test_taken_as_it_is(self, value: str) -> None:
        """Every notation that a look-up takes is given unchanged."""
        assert given(value).serial_number("p") == value

    @pytest.mark.parametrize("value", ["", ":", "0x12", "g", "a" * 129, "1 ", "\0", "\udc80"])
    def test_refused(self, value: str) -> None:
        """What is not hexadecimal, or too long, is refused."""
        with pytest.raises(ApiError, match="ParameterFieldCheckFailed"):
            given(value).serial_number("p")

    @pytest.mark.parametrize("values", [(), ("1", "1")])
    def test_once(self, values: tuple[str, ...]) -> None:
        """A serial number is given exactly once."""
        with pytest.raises(ApiError, match="ParameterFieldCheckFailed"):
            given(*values).serial_number("p")


class TestNumber:
    """`Parameters.number`."""

    @pytest.mark.parametrize(("value", "number"), [("1", 1), ("100", 100), ("007", 7)])
    def test_read(self, value: str, number: int) -> None:
        """ASCII digits within the bounds are a number."""
        assert given(value).number("p", most=100) == number

    @pytest.mark.parametrize(
        "value",
        ["", "0", "101", "-1", "+1", "1.0", "1e1", " 1", "1\n", "0x1", "1_0", "9" * 100_000, "²"],
    )
    def test_refused(self, value: str) -> None:
        """Anything else is refused, however long."""
        with pytest.raises(ApiError, match="ParameterFieldCheckFailed"):
            given(value).number("p", most=100)

    @pytest.mark.parametrize("values", [(), ("1", "1")])
    def test_once(self, values: tuple[str, ...]) -> None:
        """A number is given exactly once."""
        with pytest.raises(ApiError, match="ParameterFieldCheckFailed"):
            given(*values).number("p", most=100)


def test_all() -> None:
    """Every value can be had unchecked, in the order received."""
    assert given("b", "", "b").all("p") == ["b", "", "b"]
    assert given().all("p") == []
