"""Named tuples for the start path.

`typing.NamedTuple` costs the start of every container the import of `typing` and `collections` and some 0.2 ms for each
class. This one is the same to the type checker, and builds nothing but properties.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:
    from _collections import _tuplegetter

    class _RecordType(type):
        def __new__(cls, name, bases, namespace):
            fields = tuple(namespace.get("__annotations__", ()))
            defaults = {field: namespace.pop(field) for field in fields if field in namespace}
            for index, field in enumerate(fields):
                namespace[field] = _tuplegetter(index, None)
            return super().__new__(
                cls, name, bases, {"__slots__": (), "_fields": fields, "_defaults": defaults, **namespace}
            )

    class Record(tuple, metaclass=_RecordType):
        """A tuple whose items have names; annotations in the class body are its fields."""

        __slots__ = ()

        def __new__(cls, *values, **named):
            """Take values by position or by name, as the fields stand in the class; those with a default may lack."""
            if values and not named and len(values) == len(cls._fields):
                return tuple.__new__(cls, values)
            given = dict(zip(cls._fields, values, strict=False))
            if len(values) > len(cls._fields) or not named.keys() <= set(cls._fields[len(values) :]):
                raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
            missing = [field for field in cls._fields if field not in {**cls._defaults, **given, **named}]
            if missing:
                raise TypeError(f"{cls.__name__} needs {', '.join(missing)}")
            every = {**cls._defaults, **given, **named}
            return tuple.__new__(cls, [every[field] for field in cls._fields])

        def __repr__(self):
            return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"

        def __getnewargs__(self):
            return tuple(self)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **named):
            return type(self)(**{**self._asdict(), **named})


__all__ = ["Record"]
