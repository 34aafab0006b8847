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
            added = {
                "__slots__": (),
                "_fields": fields,
                "_defaults": defaults,
                # What is made most often lacks but the last values, and these have defaults.
                "_least": len(fields) - len(defaults),
                "_last": (None,) * (len(fields) - len(defaults)) + tuple(defaults.values()),
            }
            return super().__new__(cls, name, bases, {**added, **namespace})

    class Record(tuple, metaclass=_RecordType):
        """A tuple whose items have names; annotations in the class body are its fields."""

        __slots__ = ()

        def __new__(cls, *values, **named):
            """Take values by position or by name, as the fields stand in the class; those with a default may lack."""
            count = len(values)
            if not named and values and cls._least <= count <= len(cls._last):
                return tuple.__new__(cls, values + cls._last[count:])
            rest = cls._fields[count:]
            if count > len(cls._fields) or not named.keys() <= set(rest):
                raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
            every = {**cls._defaults, **named}
            missing = [field for field in rest if field not in every]
            if missing:
                raise TypeError(f"{cls.__name__} needs {', '.join(missing)}")
            return tuple.__new__(cls, values + tuple([every[field] for field in rest]))

        def __repr__(self):
            return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"

        def __getnewargs__(self):
            return tuple(self)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **named):
            return type(self)(**{**self._asdict(), **named})


__all__ = ["Record"]
