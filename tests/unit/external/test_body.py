import contextlib
import gzip
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.external.body import BodyError, collect
from autopyfactory.external.deadline import within
from autopyfactory.external.http import Client, HttpError
from patience import SOON
from servers.base import HttpServer, Reply, Request


def pieces(data, size=1000):
    return [data[i : i + size] for i in range(0, len(data), size)]


@given(st.binary(max_size=5000), st.integers(1, 3000), st.integers(1, 3))
def test_what_was_packed_comes_out_however_it_is_cut_and_joined(data, size, members):
    packed = gzip.compress(data) * members
    assert collect(pieces(packed, size), "gzip", 100_000) == data * members
    assert collect(pieces(data, size), "", 100_000) == data


@given(st.binary(max_size=300))
def test_garbage_is_told_as_such(data):
    with contextlib.suppress(BodyError):
        assert isinstance(collect(pieces(data, 7), "gzip", 1000), bytes)


@pytest.mark.parametrize("encoding", ["zstd", "br", "deflate", "gzip, gzip", "x\x1b[31m"])
def test_a_packing_that_was_not_asked_for_is_not_unpacked(encoding):
    with pytest.raises(BodyError, match="not asked for"):
        collect([b"x"], encoding, 1000)


def test_an_answer_that_grows_a_thousandfold_costs_no_memory():
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=9)
    tracemalloc.start()
    with pytest.raises(BodyError, match="more than 1000000 bytes"):
        collect([bomb], "gzip", 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_an_answer_without_end_ends_with_its_time():
    packer = zlib.compressobj(wbits=31)

    def endless():
        while True:  # unpacks to nothing much, for ever
            yield packer.compress(b"x") + packer.flush(zlib.Z_SYNC_FLUSH)

    start = time.monotonic()
    with pytest.raises(TimeoutError), within(0.3):
        collect(endless(), "gzip", 1 << 40)
    assert time.monotonic() - start < SOON


def test_a_broken_off_answer_is_told():
    with pytest.raises(BodyError, match="broke off"):
        collect([gzip.compress(b"x" * 1000)[:-9]], "gzip", 10_000)


class Packed(HttpServer):
    """Answers packed as its path says, whatever was asked for."""

    def answer(self, request: Request) -> Reply:
        return Reply(200, zlib.compress(b"7" * 1000), {"Content-Encoding": request.path.strip("/")})


@pytest.mark.parametrize("encoding", ["zstd", "br", "deflate"])
def test_a_real_server_that_packs_otherwise_is_refused(encoding):
    with Packed() as server, pytest.raises(HttpError, match=f"packed with {encoding}"):
        Client().get(f"{server.url}/{encoding}")
    assert server.requests[0].headers["Accept-Encoding"] == "gzip"
