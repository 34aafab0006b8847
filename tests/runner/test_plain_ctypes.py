"""The small `ctypes` is the same as the large one, as far as it goes."""

import ctypes
import errno

import pytest

from runner import plain_ctypes

SIMPLE = [name for name in plain_ctypes.__all__ if name.startswith("c_")]


@pytest.mark.parametrize("name", SIMPLE)
def test_a_simple_type_is_as_large_and_holds_the_same(name: str) -> None:
    ours, theirs = getattr(plain_ctypes, name), getattr(ctypes, name)

    assert plain_ctypes.sizeof(ours) == ctypes.sizeof(theirs)
    value = b"text" if name == "c_char_p" else -1
    assert ours(value).value == theirs(value).value


def test_a_structure_has_its_fields_at_the_same_places() -> None:
    fields = ("c_ushort", "c_char_p", "c_uint32", "c_uint64", "c_int", "c_void_p")

    class Ours(plain_ctypes.Structure):
        _fields_ = tuple((name, getattr(plain_ctypes, name)) for name in fields)

    class Theirs(ctypes.Structure):
        _fields_ = tuple((name, getattr(ctypes, name)) for name in fields)

    assert plain_ctypes.sizeof(Ours) == ctypes.sizeof(Theirs)
    assert [getattr(Ours, name).offset for name in fields] == [getattr(Theirs, name).offset for name in fields]
    assert Ours(1, b"x", 2**32 - 1).c_uint32 == 2**32 - 1


def test_functions_of_the_library_are_called_with_their_errors() -> None:
    library = plain_ctypes.CDLL(None, use_errno=True)

    assert library.abs(-3) == 3
    assert library["close"](-1) == -1
    assert plain_ctypes.get_errno() == errno.EBADF
    library.strtoull.restype = plain_ctypes.c_ulong
    assert library.strtoull(b"18446744073709551615", None, 10) == 2**64 - 1


def test_a_library_that_is_not_there_is_an_error_of_the_systems() -> None:
    with pytest.raises(OSError, match="nothing"):
        plain_ctypes.CDLL("libnothing.so.0")
