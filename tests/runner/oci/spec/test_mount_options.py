import pytest

from runner.oci.kernel import mounts
from runner.oci.spec.mount_options import MountOptions, read_options


def read(*words: str) -> MountOptions:
    return read_options(words)


def test_words_are_attributes_propagation_or_data() -> None:
    options = read("rbind", "ro", "nosuid", "rslave", "size=64k", "mode=755")

    assert options.bind
    assert options.recursive
    assert options.add == mounts.READ_ONLY | mounts.NO_SUID
    assert (options.propagation, options.propagation_recursive) == (mounts.SLAVE, True)
    assert options.data == ("size=64k", "mode=755")


@pytest.mark.parametrize(
    ("words", "add", "remove"),
    [
        (("ro", "rw"), 0, mounts.READ_ONLY),
        (("rw", "ro"), mounts.READ_ONLY, 0),
        (("nodev", "dev", "nodev"), mounts.NO_DEV, 0),
        (("noatime",), mounts.NO_ATIME, mounts.ATIME_MASK),
        (("noatime", "relatime"), mounts.RELATIVE_ATIME, mounts.ATIME_MASK),
        (("defaults",), 0, 0),
    ],
)
def test_of_contradicting_words_the_last_counts(words: tuple[str, ...], add: int, remove: int) -> None:
    options = read(*words)

    assert (options.add, options.remove) == (add, remove)


def test_a_bind_after_an_rbind_still_brings_what_is_beneath() -> None:
    assert read("rbind", "bind").recursive
    assert not read("bind").recursive


def test_recursive_attributes_are_kept_apart() -> None:
    options = read("rbind", "rro", "nosuid")

    assert options.recursive_add == mounts.READ_ONLY
    assert options.add == mounts.NO_SUID


@pytest.mark.parametrize("word", ["remount", "idmap", "copy-symlink"])
def test_what_is_not_built_is_told(word: str) -> None:
    assert read(word).not_built == (word,)
