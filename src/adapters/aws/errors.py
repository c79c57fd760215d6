"""Errors of boto3 and of Amazon's services in our own words. Translated once, at a store's edge."""

from __future__ import annotations

from typing import Any, Final

from ...domain.errors import BackendUnavailable, CeleriacError, ImproperlyConfigured, StoreFull
from .connecting import CONNECT_TIMEOUT, READ_TIMEOUT

_REFUSED: Final = frozenset({"AccessDeniedException", "AccessDenied", "403", "Forbidden"})
_UNKNOWN: Final = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "IncompleteSignatureException",
        "MissingAuthenticationTokenException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidToken",
    }
)
_BUSY: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
    }
)
_ELSEWHERE: Final = frozenset(
    {
        "PermanentRedirect",
        "301",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
    }
)
_CHAIN: Final = (
    "in the URL or the settings, or where boto3 looks (AWS_ACCESS_KEY_ID, ~/.aws, a role)"
)


def code_of(error: BaseException) -> str:
    """Return the service's code of an error, `""` where it is none of a service."""
    response: Any = getattr(error, "response", None)
    return str((response or {}).get("Error", {}).get("Code", ""))


def in_use(told: CeleriacError) -> CeleriacError:
    """Return what is raised where a store is used, and not just opened.

    Nothing is wrong then with what a worker wants to keep, whatever is wrong with credentials or
    bucket: the store is unavailable, and asked again, so that no result is lost.
    """
    if isinstance(told, ImproperlyConfigured):
        return BackendUnavailable(*told.args)
    return told


def translated(error: BaseException, where: str, allowed: str) -> CeleriacError:
    """Return the exception to raise; `allowed` names what the credentials must allow."""
    said = " ".join(str(error).split()) or type(error).__name__
    code = code_of(error)
    if code in _REFUSED:
        return BackendUnavailable(
            f"{where} does not let these credentials do that ({said}); allow them {allowed}"
        )
    if code in _UNKNOWN:
        return BackendUnavailable(
            f"{where} does not know these credentials, or no more ({said}); put others {_CHAIN}"
        )
    if code in _BUSY:
        return BackendUnavailable(
            f"{where} is asked for more than it is paid for ({said}); give the table more capacity "
            "or on-demand billing"
        )
    if code == "SlowDown":
        return BackendUnavailable(f"{where} wants to be asked less often ({said}); try again")
    if code in _ELSEWHERE:
        return ImproperlyConfigured(f"{where} is in another region ({said}); name that one")
    if code == "NoSuchBucket":
        return ImproperlyConfigured(
            f"{where}: there is no such bucket ({said}); make it, or correct s3_bucket"
        )
    if code == "LimitExceededException":
        return StoreFull(f"{where}: the account has no room for more ({said}); raise its quota")
    return _without_code(error, said, where)


def _without_code(error: BaseException, said: str, where: str) -> CeleriacError:
    match type(error).__name__:
        case "NoCredentialsError" | "PartialCredentialsError":
            return ImproperlyConfigured(f"{where}: no credentials ({said}); put them {_CHAIN}")
        case "ProfileNotFound":
            return ImproperlyConfigured(f"{where}: {said}; correct AWS_PROFILE or ~/.aws/config")
        case "NoRegionError" | "InvalidRegionError":
            return ImproperlyConfigured(
                f"{where}: no region that can be ({said}); name one, such as eu-central-1, in the "
                "URL or settings, or in AWS_DEFAULT_REGION"
            )
        case "ValueError":
            return ImproperlyConfigured(
                f"{where}: {said}; expected an endpoint such as http://localhost:8000"
            )
        case "EndpointConnectionError" | "ConnectionError":
            return BackendUnavailable(
                f"{where} cannot be reached ({said}); look at the network, and whether the region "
                "or the endpoint's URL is spelt rightly"
            )
        case "ConnectTimeoutError":
            return BackendUnavailable(
                f"{where} took no connection within {CONNECT_TIMEOUT:g} s ({said}); look at the "
                "network, a proxy, or the VPC's endpoint"
            )
        case "ReadTimeoutError":
            return BackendUnavailable(f"{where} did not answer within {READ_TIMEOUT:g} s ({said})")
        case _:
            return BackendUnavailable(f"{where}: {said}")
