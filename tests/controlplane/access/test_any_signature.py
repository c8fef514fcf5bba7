"""Whatever is signed is understood as the official SDK does; whatever is changed breaks it."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from certgate_controlplane.access.signatures import read_claim
from certgate_controlplane.call import Call, read_call
from certgate_controlplane.errors import ApiError
from controlplane.access.kit import (
    EMPTY,
    OWNER,
    STYLES,
    TOKEN,
    VERSION,
    Signed,
    iso,
    v1,
    v3,
)

SECRET = OWNER.access_key_secret
UTF8 = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
AWKWARD = st.text("+/=~*()!' %&;éü\u4e2d\U0001f600aZ0-_.", max_size=12)
# Names that the signature itself uses are not parameters of an operation.
NAMES = (UTF8 | AWKWARD).map(lambda name: f"X{name}")
PARAMETERS = st.dictionaries(NAMES, UTF8 | AWKWARD, max_size=6)
# The SDK's version 3 encodes values only. No parameter of the product has a name that needs it.
PLAIN_NAMES = st.text("aZ0-_.~", min_size=1, max_size=12)
PLAINLY_NAMED = st.dictionaries(PLAIN_NAMES, UTF8 | AWKWARD, max_size=6)
BASE = {"Action": "GetRegisterCode", "Version": VERSION}

quick = settings(deadline=None, max_examples=200)


def is_good(call: Call, secret: str = SECRET) -> bool:
    """Tell whether a secret made the signature."""
    return read_claim(call).is_signed_with(secret)


def sdk_v3(parameters: Mapping[str, str], token: str) -> Call:
    """Sign by the official SDK's own function, header style, and write it as the SDK does."""
    request = DaraRequest()
    request.method, request.pathname, request.query = "POST", "/", dict(parameters)
    request.headers = {
        "host": "localhost",
        "x-acs-action": "GetRegisterCode",
        "x-acs-version": VERSION,
        "x-acs-date": iso(),
        "x-acs-signature-nonce": Utils.get_nonce(),
        "x-acs-content-sha256": EMPTY,
        "accept": "application/json",
        "user-agent": Utils.get_user_agent(""),
    }
    if token:
        request.headers["x-acs-security-token"] = token
    authorization = Utils.get_authorization(  # type: ignore[no-untyped-call]
        request, "ACS3-HMAC-SHA256", EMPTY, OWNER.access_key_id, SECRET
    )
    headers = [*request.headers.items(), ("Authorization", authorization)]
    return read_call("POST", headers, urlencode(parameters).encode(), b"")


def sdk_v1(parameters: Mapping[str, str], form: Mapping[str, str], token: str) -> Call:
    """Sign by the official SDK's own function, parameter style, and write it as the SDK does."""
    query = {**parameters, **BASE, "Timestamp": iso(), "SignatureNonce": Utils.get_nonce()}
    query |= {"AccessKeyId": OWNER.access_key_id, "Format": "json"}
    query |= {"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}
    if token:
        query["SecurityToken"] = token
    query["Signature"] = Utils.get_rpcsignature(  # type: ignore[no-untyped-call]
        {**query, **form}, "POST", SECRET
    )
    headers = [("host", "localhost"), ("content-type", "application/x-www-form-urlencoded")]
    return read_call("POST", headers, urlencode(query).encode(), urlencode(form).encode())


@quick
@given(parameters=PLAINLY_NAMED, token=st.sampled_from(["", TOKEN]))
def test_sdk_by_header(parameters: dict[str, str], token: str) -> None:
    """Whatever the SDK signs by header is found good, and with another secret it is not."""
    call = sdk_v3(parameters, token)
    assert is_good(call)
    assert not is_good(call, f"{SECRET}x")
    assert read_claim(call).security_token == (token or None)


@quick
@given(parameters=PARAMETERS, form=PARAMETERS, token=st.sampled_from(["", TOKEN]))
def test_sdk_by_parameters(parameters: dict[str, str], form: dict[str, str], token: str) -> None:
    """Whatever the SDK signs by parameter is found good, and with another secret it is not."""
    own = {f"F{name}": value for name, value in form.items()}
    call = sdk_v1(parameters, own, token)
    assert is_good(call)
    assert not is_good(call, f"{SECRET}x")
    assert read_claim(call).security_token == (token or None)


@quick
@given(parameters=PARAMETERS, sign=st.sampled_from(sorted(STYLES)), key=st.text("aB1", min_size=1))
def test_specification(parameters: dict[str, str], sign: str, key: str) -> None:
    """Whatever is signed by the letter of the specification is found good."""
    signed = STYLES[sign]("GetRegisterCode", parameters, key=replace(OWNER, access_key_secret=key))
    assert is_good(signed.call, key)


def flipped(text: str, at: int, other: str) -> str:
    """Put another character in one place."""
    return text[:at] + other + text[at + 1 :]


def places(signed: Signed, names: frozenset[str]) -> list[tuple[str, str, int]]:
    """Give every character of every signed part: kind, name, place."""
    headers = [("header", name, value) for name, value in signed.headers if name in names]
    query = [("query", name, value) for name, value in signed.query]
    return [(kind, name, at) for kind, name, value in headers + query for at in range(len(value))]


V3_SIGNED = v3("DeleteCaCertificate", {"Sn": "00 ab+/=", "More": "é"}, method="POST")
V1_SIGNED = v1("DeleteCaCertificate", {"Sn": "00 ab+/=", "More": "é"}, method="POST")
ALL_OF_V3 = frozenset(name for name, _ in V3_SIGNED.headers)


@pytest.mark.parametrize(
    ("signed", "names"), [(V3_SIGNED, ALL_OF_V3), (V1_SIGNED, frozenset())], ids=["V3", "V1"]
)
@pytest.mark.parametrize("other", ["x", "0", " ", "~", "\xa0"])
def test_every_character_counts(signed: Signed, names: frozenset[str], other: str) -> None:
    """Another character in any place of any signed part breaks the signature."""
    assert is_good(signed.call)
    tried = 0
    for kind, name, at in places(signed, names):
        value = dict(signed.headers if kind == "header" else signed.query)[name]
        change = signed.with_header if kind == "header" else signed.with_parameter
        if value[at] == other:
            continue
        tried += 1
        assert not is_good_for_owner(change(name, flipped(value, at, other)).call)
    assert tried > 100


def is_good_for_owner(call: Call) -> bool:
    """Tell whether a request counts as one that the owner's key signed."""
    try:
        claim = read_claim(call)
    except ApiError:
        return False
    return claim.access_key_id == OWNER.access_key_id and claim.is_signed_with(SECRET)


@pytest.mark.parametrize("signed", [V3_SIGNED, V1_SIGNED], ids=["V3", "V1"])
def test_every_name_counts(signed: Signed) -> None:
    """Another name of a parameter, or another method, breaks the signature."""
    for at, (name, value) in enumerate(signed.query):
        renamed = [*signed.query[:at], (f"{name}x", value), *signed.query[at + 1 :]]
        spoilt = replace(signed, query=renamed).call
        assert not is_good_for_owner(spoilt)
    assert not is_good_for_owner(replace(signed, method="GET").call)
