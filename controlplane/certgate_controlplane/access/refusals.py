"""The common gateway's errors: what a caller is refused with before the operation is asked.

Messages are those of the products whose pages print them (RDS, SMS, SLB, FaaS) and of the error
bodies that the official SDKs read.
"""

from certgate_controlplane.errors import ApiError


def missing(piece: str) -> ApiError:
    """Refuse a request that lacks a piece of its signature.

    Args:
        piece: the parameter, by the name that it has where parameters carry the signature.
    """
    return ApiError(f"Missing{piece}", f"{piece} is mandatory for this action.")


def incomplete_signature() -> ApiError:
    """Refuse a signature whose form or algorithm is not one of those that are checked."""
    return ApiError(
        "IncompleteSignature", "The request signature does not conform to Aliyun standards."
    )


def signature_does_not_match(string_to_sign: str) -> ApiError:
    """Refuse a signature that the key's secret does not make.

    The official SDKs compare what follows the colon with what they signed, to tell a wrong secret
    from a mistake of their own.

    Args:
        string_to_sign: what should have been signed.
    """
    return ApiError(
        "SignatureDoesNotMatch",
        "Specified signature is not matched with our calculation."
        f" server string to sign is:{string_to_sign}",
    )


def access_key_not_found() -> ApiError:
    """Refuse an access key that nobody has."""
    return ApiError("InvalidAccessKeyId.NotFound", "Specified access key is not found.")


def access_key_inactive() -> ApiError:
    """Refuse an access key that is inactive."""
    return ApiError("InvalidAccessKeyId.Inactive", "Specified access key is disabled.")


def security_token_mismatch() -> ApiError:
    """Refuse a security token that does not belong to the access key."""
    return ApiError(
        "InvalidSecurityToken.MismatchWithAccessKey",
        "Specified SecurityToken mismatch with the AccessKey.",
    )


def timestamp_malformed() -> ApiError:
    """Refuse a time that is not written as ISO 8601 in UTC."""
    return ApiError(
        "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."
    )


def timestamp_expired() -> ApiError:
    """Refuse a time that is too far from the lab's, either way."""
    return ApiError("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")


def nonce_used() -> ApiError:
    """Refuse a request that was received before."""
    return ApiError("SignatureNonceUsed", "Specified signature nonce was used already.")


def throttled(seconds: int) -> ApiError:
    """Refuse an account that calls too often.

    Args:
        seconds: after which time another call can succeed, at least 1.
    """
    return ApiError(
        "Throttling.User", "Request was denied due to user flow control.", retry_after=seconds
    )
