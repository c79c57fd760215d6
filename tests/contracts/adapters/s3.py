"""The result backend on S3, as moto plays it: a bucket for each test."""

from __future__ import annotations

import secrets

import boto3

from celeriac.adapters.aws.s3.bucket import S3Bucket
from celeriac.adapters.aws.s3.results import S3Results
from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.memory import VirtualClock

from ..place import Place


class S3Place(Place):
    ports = frozenset({"results"})

    def __init__(self, url):
        self.clock = VirtualClock()
        self.settings = {
            "s3_bucket": f"test-{secrets.token_hex(6)}",
            "s3_base_path": "results/",
            "s3_endpoint_url": url,
            "s3_access_key_id": "key",
            "s3_secret_access_key": "secret",
            "s3_region": "us-east-1",
        }
        client = boto3.client(
            "s3",
            "us-east-1",
            endpoint_url=url,
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        client.create_bucket(Bucket=self.settings["s3_bucket"])
        client.close()
        self._clients = []

    @classmethod
    def make(cls, request):
        return cls(request.getfixturevalue("moto_tables_url"))

    def close(self):
        for client in self._clients:
            client.close()

    def results(self, *, host_time=False):
        clock = SystemClock() if host_time else self.clock
        client = S3Results(S3Bucket.from_settings("s3://", clock=clock, settings=self.settings))
        self._clients.append(client)
        return client
