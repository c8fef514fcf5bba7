"""Reading a scenario: what is not exactly right is refused, and the place is named."""

import json
from typing import Any

import pytest

from certgate_certs.rows import Status
from certgate_controlplane.scenario import ScenarioError
from certgate_controlplane.scenario.document import CaEntry, DeviceEntry, Scenario, read
from certgate_controlplane.scenario.part import Part, parse

INSTANCES = ("post-cn-one", "post-cn-two")


def reading(document: Any) -> Scenario:
    """Read a document."""
    return read(json.dumps(document), INSTANCES)


def with_ca(**members: Any) -> dict[str, Any]:
    """Give a scenario with one CA."""
    return {"certgate": 1, "cas": [{"name": "acme", **members}]}


def with_device(**members: Any) -> dict[str, Any]:
    """Give a scenario with one device."""
    return with_ca(devices=[{"name": "lamp", **members}])


class TestByHand:
    """What a person may write."""

    def test_the_shortest(self) -> None:
        """A scenario of an empty lab is a number in braces."""
        assert reading({"certgate": 1}) == Scenario((), (), None)

    def test_names_are_enough(self) -> None:
        """Whoever is named is active, of the first instance, and gets a certificate later."""
        found = reading(with_ca(devices=[{"name": "lamp-1"}, {"name": "l2", "status": "inactive"}]))
        devices = (
            DeviceEntry("cas[0].devices[0]", "lamp-1", Status.ACTIVE, None, (), ()),
            DeviceEntry("cas[0].devices[1]", "l2", Status.INACTIVE, None, (), ()),
        )
        ca = CaEntry("cas[0]", "post-cn-one", "acme", Status.ACTIVE, None, None, devices)
        assert found == Scenario((ca,), (), None)

    def test_null_is_nothing(self) -> None:
        """A member that is null is not there."""
        found = reading(with_ca(instance=None, devices=None) | {"clock_offset_ms": None})
        assert found == reading(with_ca())

    def test_pem_as_text_and_as_lines(self) -> None:
        """The lines of a certificate may stand below each other."""
        as_text = with_ca(certificate="a\nb\n", verification="c")
        as_lines = with_ca(certificate=["a", "b"], verification="c")
        assert reading(as_text) == reading(as_lines)
        assert reading(as_lines).cas[0].certificate == "a\nb\n"

    def test_blank_client_identifiers(self) -> None:
        """A client identifier may be of blanks, as in CONNECT."""
        found = reading(with_device(client_identifiers=[" ", "é"]))
        assert found.cas[0].devices[0].client_ids == (" ", "é")

    def test_byte_order_mark(self) -> None:
        """Bytes are UTF-8, as some editors write it too."""
        assert read(b'\xef\xbb\xbf{"certgate": 1}', INSTANCES) == Scenario((), (), None)

    def test_codes(self) -> None:
        """Registration codes that no CA bears are kept as they are."""
        codes = [{"code": "a"}, {"code": "b", "used": True, "instance": "post-cn-two"}]
        found = reading({"certgate": 1, "registration_codes": codes}).codes
        assert [(code.code, code.instance_id, code.used) for code in found] == [
            ("a", "post-cn-one", False),
            ("b", "post-cn-two", True),
        ]


LONG = "x" * 257
REFUSED = [
    (3, "the scenario: an object is expected, not 3"),
    ({}, 'the scenario: the member "certgate" is missing'),
    ({"certgate": 2}, "certgate: 1 is the only format that this certgate knows"),
    ({"certgate": True}, "certgate: a whole number is expected, not true"),
    ({"certgate": "1"}, "certgate: a whole number is expected"),
    ({"certgate": 1, "ca": []}, 'the scenario: there is no member "ca"; known: certgate, clock'),
    ({"certgate": 1, "cas": {}}, "cas: a list is expected, not an object"),
    ({"certgate": 1, "cas": ["acme"]}, 'cas[0]: an object is expected, not "acme"'),
    ({"certgate": 1, "cas": [{}]}, 'cas[0]: the member "name" is missing'),
    ({"certgate": 1, "clock_offset_ms": 0.5}, "clock_offset_ms: a whole number is expected"),
    ({"certgate": 1, "clock_offset_ms": 10**15}, "clock_offset_ms: it is further than"),
    (with_ca(nam="x"), 'cas[0]: there is no member "nam"; known: instance, name'),
    (with_ca(name=7), "cas[0].name: a text is expected, not 7"),
    (with_ca(name=""), "cas[0].name: it is blank"),
    (with_ca(name=" \t"), "cas[0].name: it is blank"),
    (with_ca(name="a\0b"), "cas[0].name: it is blank, or has a NUL"),
    (with_ca(name=LONG), "cas[0].name: it has 257 bytes, 256 are allowed"),
    (with_ca(name="é" * 129), "cas[0].name: it has 258 bytes"),
    (with_ca(name="\ud800"), "cas[0].name: half of a surrogate pair"),
    (with_ca(instance="elsewhere"), "cas[0].instance: the lab has no such instance, only post-cn"),
    (with_ca(instance=[]), "cas[0].instance: the lab has no such instance"),
    (with_ca(status="revoked"), 'cas[0].status: active or inactive is expected, not "revoked"'),
    (with_ca(status=[]), "cas[0].status: active or inactive is expected, not a list"),
    (with_ca(certificate="x"), 'cas[0]: the member "certificate" needs the member "verification"'),
    (with_ca(verification="x"), 'cas[0]: the member "verification" needs the member "certificate"'),
    (with_ca(certificate=1, verification="x"), "cas[0].certificate: a text is expected, not 1"),
    (with_ca(certificate=[], verification="x"), "cas[0].certificate: it is blank"),
    (with_ca(certificate=["a", 1], verification="x"), "cas[0].certificate[1]: one line of text"),
    (with_ca(certificate=["a\nb"], verification="x"), "cas[0].certificate[0]: one line of text"),
    (with_ca(certificate="x" * 65537, verification="x"), "cas[0].certificate: it has 65537 bytes"),
    (with_ca(certificate="x", verification="-----BEGIN EC PRIVATE KEY-----"),
     "cas[0].verification: a private key does not belong into a scenario"),
    (with_ca(devices=[{}]), 'cas[0].devices[0]: the member "name" is missing'),
    (with_device(name=" "), "cas[0].devices[0].name: it is blank"),
    (with_device(certificate="PRIVATE KEY"), "cas[0].devices[0].certificate: a private key"),
    (with_device(name=5, certificate="x"), "cas[0].devices[0].name: a text is expected"),
    (with_device(chain=["x"]), 'cas[0].devices[0]: the member "chain" needs'),
    (with_device(certificate="x", chain=["x"] * 11), "cas[0].devices[0].chain: 11 certificates"),
    (with_device(certificate="x", chain="x"), "cas[0].devices[0].chain: a list is expected"),
    (with_device(client_identifiers=[""]), "cas[0].devices[0].client_identifiers[0]: it is blank"),
    (with_device(client_identifiers=["a", "x" * 65536]),
     "cas[0].devices[0].client_identifiers[1]: it has 65536 bytes, 65535 are allowed"),
    (with_device(client_identifiers="m"), "cas[0].devices[0].client_identifiers: a list"),
    (with_device(key="x"), 'cas[0].devices[0]: there is no member "key"'),
    ({"certgate": 1, "registration_codes": [{}]}, 'registration_codes[0]: the member "code"'),
    ({"certgate": 1, "registration_codes": [{"code": "x" * 65}]}, "registration_codes[0].code: it"),
    ({"certgate": 1, "registration_codes": [{"code": "x", "used": 1}]},
     "registration_codes[0].used: true or false is expected, not 1"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "sentence"), REFUSED, ids=[words for _, words in REFUSED])
def test_refused(document: Any, sentence: str) -> None:
    """One sentence says what is wrong and where."""
    with pytest.raises(ScenarioError) as refusal:
        reading(document)
    assert str(refusal.value).startswith(sentence)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"\xff", "the scenario is not UTF-8"),
        ("", "the scenario is no JSON: line 1, column 1: Expecting value"),
        ('{\n  "certgate": 1,,\n}', "the scenario is no JSON: line 2, column 17: "),
        ('{"certgate": 1, "certgate": 1}', 'the scenario has two members "certgate" in one object'),
        ('{"certgate": NaN}', "the scenario is no JSON: NaN is no number"),
        ("[" * 100_000, "the scenario is no JSON that can be read: "),
        ('{"certgate": 1' + "0" * 5000 + "}", "the scenario is no JSON that can be read: "),
    ],
    ids=lambda value: str(value)[:30],
)
def test_no_json(text: str | bytes, sentence: str) -> None:
    """What is no JSON is refused with its line and column where there is one."""
    with pytest.raises(ScenarioError) as refusal:
        read(text, INSTANCES)
    assert str(refusal.value).startswith(sentence)


def test_what_is_shown_is_short_and_harmless() -> None:
    """A value that is anything at all is shown in ASCII, and not at length."""
    with pytest.raises(ScenarioError) as refusal:
        Part({"\x1b]0;\x7fé" + "x" * 500: 1}).members(("a",))
    words = str(refusal.value)
    assert words.isascii()
    assert words.isprintable()
    assert len(words) < 200


def test_parse_gives_the_place_of_everything() -> None:
    """Each part knows where it stands."""
    document = parse('{"a": [{"b": 1}]}')
    (item,) = document.members(("a",))["a"].items()
    assert (item.place, item.members(("b",))["b"].place) == ("a[0]", "a[0].b")
