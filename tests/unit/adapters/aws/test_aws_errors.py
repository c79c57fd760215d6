"""Errors of boto3 in our own words."""

import botocore.exceptions
import pytest

from celeriac.adapters.aws.errors import in_use, translated
from celeriac.domain.errors import BackendUnavailable, ImproperlyConfigured, StoreFull

WHERE = "dynamodb://eu-west-1/t"


def answered(code):
    return botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "no"}}, "PutItem")


@pytest.mark.parametrize(
    ("error", "kind", "taught"),
    [
        (answered("AccessDeniedException"), BackendUnavailable, "allow them dynamodb:PutItem"),
        (answered("UnrecognizedClientException"), BackendUnavailable, "AWS_ACCESS_KEY_ID"),
        (answered("ExpiredTokenException"), BackendUnavailable, "does not know these credentials"),
        (answered("ThrottlingException"), BackendUnavailable, "on-demand billing"),
        (answered("SlowDown"), BackendUnavailable, "less often"),
        (answered("NoSuchBucket"), ImproperlyConfigured, "correct s3_bucket"),
        (answered("LimitExceededException"), StoreFull, "raise its quota"),
        (answered("PermanentRedirect"), ImproperlyConfigured, "in another region"),
        (answered("InternalServerError"), BackendUnavailable, "InternalServerError"),
        (botocore.exceptions.NoCredentialsError(), ImproperlyConfigured, "no credentials"),
        (botocore.exceptions.NoRegionError(), ImproperlyConfigured, "AWS_DEFAULT_REGION"),
        (
            botocore.exceptions.EndpointConnectionError(endpoint_url="https://x"),
            BackendUnavailable,
            "whether the region",
        ),
        (
            botocore.exceptions.ReadTimeoutError(endpoint_url="https://x"),
            BackendUnavailable,
            "did not answer within",
        ),
        (
            botocore.exceptions.ConnectTimeoutError(endpoint_url="https://x"),
            BackendUnavailable,
            "took no connection within",
        ),
        (botocore.exceptions.ProfileNotFound(profile="p"), ImproperlyConfigured, "AWS_PROFILE"),
        (ValueError("Invalid endpoint: x"), ImproperlyConfigured, "http://localhost:8000"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:40],
)
def test_an_error_says_whose_fault_it_is_and_what_to_do(error, kind, taught):
    told = translated(error, WHERE, "dynamodb:PutItem")

    assert type(told) is kind
    assert WHERE in str(told)
    assert taught in str(told)


def test_a_store_that_is_used_is_unavailable_whatever_is_wrong_with_it():
    told = in_use(translated(botocore.exceptions.NoCredentialsError(), WHERE, ""))

    assert type(told) is BackendUnavailable
    assert "no credentials" in str(told)
