import gzip
import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.digest import Digest
from runner.errors import LayerCompressionUnsupported, LayerDigestMismatch, LayerInvalid, LayerTooLarge
from runner.layers.extraction import unpack
from runner.layers.stream import LayerStream
from runner.layers.whiteouts import PlainWhiteouts
from runner.limits import LayerLimits
from tests.runner.layers.archives import END, file
from tests.runner.layers.trees import open_directory


@given(st.lists(st.binary(max_size=3000), max_size=4), st.booleans(), st.integers(1, 5000), st.integers(0, 600))
def test_a_stream_gives_the_layers_bytes_and_both_digests(
    parts: list[bytes], compressed: bool, size: int, padding: int
) -> None:
    content = b"layer: " + b"".join(parts)
    members = [gzip.compress(part) for part in [b"layer: ", *parts]]
    blob = b"".join(members) + bytes(padding) if compressed else content
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


@pytest.mark.parametrize("damage", [lambda blob: blob[:-9], lambda blob: blob[:30], lambda blob: blob + b"more"])
def test_a_damaged_gzip_stream_is_refused(damage: object) -> None:
    assert callable(damage)
    stream = LayerStream(io.BytesIO(damage(gzip.compress(bytes(range(256)) * 9))))

    with pytest.raises(LayerInvalid):
        list(iter(lambda: stream.read(100), b""))


def test_a_stream_that_was_not_read_to_its_end_is_not_verified() -> None:
    stream = LayerStream(io.BytesIO(b"content"))
    stream.read(7)

    with pytest.raises(LayerInvalid):
        stream.verify(Digest.of(b"content"), Digest.of(b"content"))


@pytest.mark.parametrize("limits", [LayerLimits(size=10_000), LayerLimits(expansion=100, expansion_free=10_000)])
def test_a_small_blob_cannot_become_an_endless_layer(limits: LayerLimits) -> None:
    stream = LayerStream(io.BytesIO(gzip.compress(bytes(10_000_000))), limits)

    with pytest.raises(LayerTooLarge):
        list(iter(lambda: stream.read(5000), b""))


@pytest.mark.parametrize("magic", [b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\0"])
def test_a_compression_that_cannot_be_undone_is_told_by_its_name(magic: bytes) -> None:
    with pytest.raises(LayerCompressionUnsupported):
        LayerStream(io.BytesIO(magic + bytes(100)))
