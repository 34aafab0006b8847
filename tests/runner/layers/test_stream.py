import gzip
import hashlib
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oci_spec.digest import Digest
from runner.layers import compression
from runner.layers.errors import LayerCompressionUnsupported, LayerDigestMismatch, LayerInvalid, LayerTooLarge
from runner.layers.extraction import unpack
from runner.layers.stream import LayerStream
from runner.layers.whiteouts import PlainWhiteouts
from runner.limits import ZSTD_WINDOW_LOG, LayerLimits
from tests.runner.layers.archives import END, file
from tests.runner.layers.trees import open_directory

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {"none": bytes, "gzip": gzip.compress, "zstd": zstd.compress}


@pytest.fixture(params=["isal", "zlib"])
def inflation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """gzip is undone by ISA-L, and then as where there is none of it."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    compression._inflation.cache_clear()
    yield request.param
    compression._inflation.cache_clear()


@given(
    st.lists(st.binary(max_size=3000), max_size=4),
    st.sampled_from(sorted(COMPRESSIONS)),
    st.integers(1, 5000),
    st.integers(0, 600),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_stream_gives_the_layers_bytes_and_both_digests(
    inflation: str, parts: list[bytes], name: str, size: int, padding: int
) -> None:
    content = b"layer: " + b"".join(parts)
    members = [COMPRESSIONS[name](part) for part in [b"layer: ", *parts]]
    blob = b"".join(members) + (bytes(padding) if name == "gzip" else b"")
    stream = LayerStream(io.BytesIO(blob))

    found = b"".join(iter(lambda: stream.read(size), b""))

    assert found == content
    stream.verify(Digest.of(blob), Digest.of(content))
    for digests in ((Digest.of(b"other"), Digest.of(content)), (Digest.of(blob), Digest.of(b"other"))):
        with pytest.raises(LayerDigestMismatch):
            stream.verify(*digests)


def test_a_compressed_layer_is_unpacked_and_verified_in_one_pass(tmp_path: Path) -> None:
    layer = file(b"a", b"content" * 100_000) + END
    blob = gzip.compress(layer)
    stream = LayerStream(io.BytesIO(blob), algorithm="sha512")

    with open_directory(tmp_path) as root:
        unpack(stream, root, PlainWhiteouts())

    stream.verify(Digest("sha512", hashlib.sha512(blob).digest()), Digest.of(layer))
    assert (tmp_path / "a").stat().st_size == 700_000


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
@pytest.mark.parametrize("damage", [lambda blob: blob[:-9], lambda blob: blob[:30], lambda blob: blob + b"more"])
def test_a_damaged_stream_is_refused(
    inflation: str, compress: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    stream = LayerStream(io.BytesIO(damage(compress(bytes(range(256)) * 9))))

    with pytest.raises(LayerInvalid):
        list(iter(lambda: stream.read(100), b""))


def test_a_stream_that_was_not_read_to_its_end_is_not_verified() -> None:
    stream = LayerStream(io.BytesIO(b"content"))
    stream.read(7)

    with pytest.raises(LayerInvalid):
        stream.verify(Digest.of(b"content"), Digest.of(b"content"))


@pytest.mark.parametrize("limits", [LayerLimits(size=10_000), LayerLimits(expansion=100, expansion_free=10_000)])
@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_small_blob_cannot_become_an_endless_layer(
    inflation: str, compress: Callable[[bytes], bytes], limits: LayerLimits
) -> None:
    blob = compress(bytes(10_000_000))
    stream = LayerStream(io.BytesIO(blob), limits)
    pieces: list[bytes] = []

    with pytest.raises(LayerTooLarge):
        pieces.extend(iter(lambda: stream.read(5000), b""))

    assert sum(map(len, pieces)) <= max(10_000, 100 * len(blob))


def test_frames_that_hold_nothing_are_passed_over() -> None:
    nothing = b"\x5a\x2a\x4d\x18\x03\0\0\0abc"
    stream = LayerStream(io.BytesIO(nothing + zstd.compress(b"content") + nothing))

    assert b"".join(iter(lambda: stream.read(100), b"")) == b"content"


def test_a_zstd_layer_that_wants_too_much_memory_is_refused() -> None:
    wide = {
        int(zstd.CompressionParameter.window_log): ZSTD_WINDOW_LOG + 1,
        int(zstd.CompressionParameter.content_size_flag): 0,
    }
    compressor = zstd.ZstdCompressor(options=wide)
    blob = compressor.compress(bytes(9999)) + compressor.flush()

    with pytest.raises(LayerInvalid):
        LayerStream(io.BytesIO(blob)).read(100)


@pytest.mark.parametrize("magic", [b"BZh9", b"\xfd7zXZ\0"])
def test_a_compression_that_cannot_be_undone_is_told_by_its_name(magic: bytes) -> None:
    with pytest.raises(LayerCompressionUnsupported):
        LayerStream(io.BytesIO(magic + bytes(100)))
