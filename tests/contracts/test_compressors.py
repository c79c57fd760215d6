"""What every compressor promises."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.compressors.standard import ZlibCompressor
from celeriac.domain.errors import DecodeError
from celeriac.entrypoints.codecs import find_compressor

COMPRESSORS = [find_compressor(name) for name in ("zlib", "bzip2", "lzma", "brotli", "zstd")]
EACH = pytest.mark.parametrize("compressor", COMPRESSORS, ids=lambda one: one.name)


@EACH
@given(data=st.binary(max_size=500))
def test_what_was_compressed_comes_back(compressor, data):
    assert compressor.decompress(compressor.compress(data)) == data


@EACH
def test_a_body_that_repeats_itself_becomes_smaller(compressor):
    assert len(compressor.compress(b"celeriac" * 1000)) < 400


@EACH
@pytest.mark.parametrize("garbage", [b"", b"\x00", b"no stream of any kind"])
def test_garbage_is_refused(compressor, garbage):
    with pytest.raises(DecodeError, match="not a"):
        compressor.decompress(garbage)


@EACH
def test_a_stream_that_was_cut_short_is_refused(compressor):
    whole = compressor.compress(bytes(range(256)) * 50)

    with pytest.raises(DecodeError, match="not a"):
        compressor.decompress(whole[: len(whole) // 2])


def test_gzip_under_celerys_name_is_a_zlib_stream():
    assert zlib.decompress(ZlibCompressor().compress(b"body")) == b"body"
    assert ZlibCompressor().content_type == "application/x-gzip"
