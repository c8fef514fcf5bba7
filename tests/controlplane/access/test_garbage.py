"""Whatever claims to be a signature and is none is refused with a documented error."""

import asyncio
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certgate_controlplane.call import Call, read_call
from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.errors import ApiError
from certgate_controlplane.statuses import StatusProfile
from controlplane.access.kit import (
    STYLES,
    Clock,
    gate,
    v3,
)

UTF8 = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
HEADER_TEXT = st.text(st.characters(max_codepoint=255), max_size=60)
ODD_AUTHORIZATION = st.builds(
    "{} {}".format,
    st.sampled_from(["ACS3-HMAC-SHA256", "ACS3-RSA-SHA256", "Bearer", ""]),
    st.lists(
        st.sampled_from(
            ["Credential=dummy-owner", "SignedHeaders=host", "Signature=00", "Signature=é", "=", ""]
        ),
        max_size=5,
    ).map(",".join)
    | HEADER_TEXT,
)
ODD_NAMES = st.sampled_from(
    [
        "AccessKeyId",
        "Action",
        "BearerToken",
        "SecurityToken",
        "Signature",
        "SignatureMethod",
        "SignatureNonce",
        "SignatureType",
        "SignatureVersion",
        "Timestamp",
        "Version",
    ]
)
X_HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "x-acs-action",
            "x-acs-content-sha256",
            "x-acs-date",
            "x-acs-security-token",
            "x-acs-signature-nonce",
            "x-acs-version",
            "content-type",
            "host",
        ]
    ),
    HEADER_TEXT,
)


def assert_refused(call: Call) -> None:
    """Check that a gate refuses a call with an error that has a status."""
    with pytest.raises(ApiError) as caught:
        asyncio.run(gate(Clock()).admit(call, OPERATIONS["GetRegisterCode"]))
    assert caught.value.status(StatusProfile.PER_OPERATION, "GetRegisterCode") in {400, 404}


@settings(deadline=None, max_examples=300)
@given(
    authorization=st.lists(ODD_AUTHORIZATION | HEADER_TEXT, max_size=2),
    headers=X_HEADERS,
    parameters=st.lists(st.tuples(ODD_NAMES, UTF8), max_size=4),
    query=st.binary(max_size=40),
    body=st.binary(max_size=40),
)
def test_garbage(
    authorization: list[str],
    headers: dict[str, str],
    parameters: list[tuple[str, str]],
    query: bytes,
    body: bytes,
) -> None:
    """Whatever claims to be a signature and is none is refused with a documented error."""
    sent = [*headers.items(), *(("authorization", value) for value in authorization)]
    whole = urlencode(parameters).encode() + b"&" + query
    assert_refused(read_call("POST", sent, whole, body))


@settings(deadline=None, max_examples=300)
@given(
    sign=st.sampled_from(sorted(STYLES)),
    name=ODD_NAMES,
    header=st.sampled_from(sorted(name for name, _ in v3().headers)),
    value=HEADER_TEXT,
)
def test_garbage_in_one_place(sign: str, name: str, header: str, value: str) -> None:
    """One piece of a good signature, replaced by anything else, spoils all of it."""
    signed = STYLES[sign]()
    spoilt = signed.with_parameter(name, value)
    if sign == "V3":
        spoilt = signed.with_header(header, value)
        if value.strip(" \t") == signed.header(header):
            return
    elif dict(signed.query).get(name) == value:
        return
    assert_refused(spoilt.call)
