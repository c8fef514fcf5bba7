"""Reading the signature of a request, in whichever of the two documented styles it comes."""

from certgate_controlplane.access import v1, v3
from certgate_controlplane.access.claim import Claim
from certgate_controlplane.access.refusals import incomplete_signature, missing
from certgate_controlplane.call import Call

_IN_PARAMETERS = frozenset(
    {
        "AccessKeyId",
        "BearerToken",
        "SecurityToken",
        "Signature",
        "SignatureMethod",
        "SignatureNonce",
        "SignatureType",
        "SignatureVersion",
        "Timestamp",
    }
)
_OTHER_PROOFS = frozenset(
    {"x-acs-bearer-token", "x-acs-signature-type", "x-acs-zero-trust-idtoken"}
)


def read_claim(call: Call) -> Claim:
    """Read who a request says it is from; nothing of it is proved by that.

    Args:
        call: the request.

    Raises:
        ApiError: it is not signed, in two ways, in a way that is not checked, or ambiguous.
    """
    names = [name for name, _ in call.parameters.pairs()]
    by_header = "authorization" in call.headers
    by_parameters = not _IN_PARAMETERS.isdisjoint(names)
    if len(set(names)) < len(names) or (by_header and by_parameters):
        raise incomplete_signature()
    if not _OTHER_PROOFS.isdisjoint(call.headers) or "BearerToken" in names:
        raise incomplete_signature()
    if not by_header and not by_parameters:
        raise missing("AccessKeyId")
    return v3.read_claim(call) if by_header else v1.read_claim(call)
