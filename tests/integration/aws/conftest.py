"""Amazon's services on this machine."""

import secrets

import boto3
import pytest

from tests.servers.moto_tables import moto_tables

KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}


@pytest.fixture(scope="module")
def endpoint():
    with moto_tables() as url:
        yield url


@pytest.fixture
def dynamodb(endpoint):
    """Amazon's own client."""
    client = boto3.client("dynamodb", "us-east-1", endpoint_url=endpoint, **KEYS)
    yield client
    client.close()


@pytest.fixture
def table():
    return f"test-{secrets.token_hex(6)}"


@pytest.fixture
def url(endpoint, table):
    """The URL of results in a table that is not there yet."""
    return f"dynamodb://key:secret@{endpoint.removeprefix('http://')}/{table}"


@pytest.fixture
def s3(endpoint):
    """Amazon's own client."""
    client = boto3.client("s3", "us-east-1", endpoint_url=endpoint, **KEYS)
    yield client
    client.close()


@pytest.fixture
def s3_settings(endpoint, s3):
    """What says where results are in a bucket that is there."""
    settings = {
        "result_backend": "s3://",
        "s3_bucket": f"test-{secrets.token_hex(6)}",
        "s3_base_path": "results/",
        "s3_endpoint_url": endpoint,
        "s3_access_key_id": "key",
        "s3_secret_access_key": "secret",
        "s3_region": "us-east-1",
    }
    s3.create_bucket(Bucket=settings["s3_bucket"])
    return settings
