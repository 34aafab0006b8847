"""What is needed of `ctypes`, by its part that is written in C: the rest costs a container's start 1.5 ms."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import (
        CDLL,
        Array,
        Structure,
        addressof,
        byref,
        c_char_p,
        c_int,
        c_int32,
        c_long,
        c_uint32,
        c_uint64,
        c_ulong,
        c_ushort,
        c_void_p,
        get_errno,
        pythonapi,
        sizeof,
    )
else:
    from _ctypes import (
        FUNCFLAG_CDECL,
        FUNCFLAG_PYTHONAPI,
        FUNCFLAG_USE_ERRNO,
        Array,
        CFuncPtr,
        Structure,
        _SimpleCData,
        addressof,
        byref,
        dlopen,
        get_errno,
        sizeof,
    )

    def _simple(code):
        return type("Simple", (_SimpleCData,), {"_type_": code})

    c_int, c_long, c_ulong, c_ushort = map(_simple, "ilLH")
    c_uint32, c_uint64, c_void_p, c_char_p = map(_simple, "IQPz")
    c_int32 = c_int

    class CDLL:
        """The functions of a library; None stands for those that are loaded already."""

        def __init__(self, name, *, use_errno=False, flags=FUNCFLAG_CDECL):
            self._handle = dlopen(name, 0)
            kept = FUNCFLAG_USE_ERRNO if use_errno else 0
            self._kind = type("Function", (CFuncPtr,), {"_flags_": flags | kept, "_restype_": c_int})

        def __getattr__(self, name):
            function = self[name]
            setattr(self, name, function)
            return function

        def __getitem__(self, name):
            return self._kind((name, self))

    pythonapi = CDLL(None, flags=FUNCFLAG_CDECL | FUNCFLAG_PYTHONAPI)

__all__ = [
    "CDLL", "Array", "Structure", "addressof", "byref", "c_char_p", "c_int", "c_int32", "c_long", "c_uint32",
    "c_uint64", "c_ulong", "c_ushort", "c_void_p", "get_errno", "pythonapi", "sizeof",
]  # fmt: skip
