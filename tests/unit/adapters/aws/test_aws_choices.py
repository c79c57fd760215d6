"""How an app comes by its results on AWS."""

import sys

import pytest

from celeriac import Celeriac
from celeriac.adapters.aws.dynamodb.results import DynamoResults
from celeriac.adapters.aws.s3.results import S3Results
from celeriac.domain.errors import MissingExtra


def app_of(**settings):
    app = Celeriac("shop", broker="memory://", set_as_current=False)
    app.conf.update(settings)
    return app


def test_settings_say_how_results_are_kept_in_dynamodb():
    app = app_of(
        result_backend="dynamodb://key:secret@eu-west-1/t?ttl_seconds=60",
        dynamodb_endpoint_url="http://box:8000",
    )

    results = app.results

    assert isinstance(results, DynamoResults)
    assert results.url == "dynamodb://**:**@box:8000/t"
    assert results.capabilities.chords


def test_settings_say_how_results_are_kept_in_s3():
    results = app_of(result_backend="s3://", s3_bucket="shop", s3_base_path="celery/").results

    assert isinstance(results, S3Results)
    assert results.url == "s3://shop/celery/"
    assert not results.capabilities.chords


@pytest.mark.parametrize("url", ["dynamodb://eu-west-1/t", "s3://"])
def test_the_extra_is_named_where_boto3_is_not_installed(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(MissingExtra, match=r"celeriac\[aws\]"):
        app_of(result_backend=url, s3_bucket="shop").results.open()
