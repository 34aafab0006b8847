"""Reading typed fields out of a JSON object, with errors that say where in the document something is wrong.

A field that is null counts as absent, and a null or absent array as empty: that is what the programs mean that write
most documents, whose encoder turns an unset slice into null.
"""

from __future__ import annotations

from oci_spec.quoting import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.digest import Digest

_MAX_NATURAL = 2**63 - 1
# A media type has at most 127 characters on each side of its slash (RFC 6838, "Naming Requirements").
_MAX_LINE_LENGTH = 255


class FieldInvalid(ValueError):
    """A field is missing or ill-typed; parsers catch it and raise errors of their own."""


class JsonFields:
    """One JSON object and its place in the document: "" for the whole, "layers[3]." for an object inside.

    All methods raise FieldInvalid when the field is not of the kind that they return.
    """

    __slots__ = ("_place", "_values")

    def __init__(self, values: dict[str, object], place: str = "") -> None:
        self._values = values
        self._place = place

    def has(self, name: str) -> bool:
        """Whether the field is there, be it null."""
        return name in self._values

    def names(self) -> tuple[str, ...]:
        """The names of all fields, in the document's order."""
        return tuple(self._values)

    def values(self) -> Mapping[str, object]:
        """The object as it was decoded."""
        return self._values

    def refuse_lookalikes(self, known: Mapping[str, str]) -> None:
        """Refuse names that differ only in case from one of the `known`, a mapping of case-folded names to names.

        The decoders of many clients take `Layers` for `layers`: they would obey what is overlooked here.
        """
        for name in self._values:
            meant = known.get(name.casefold(), name)
            if meant != name:
                raise self.wrong(name, f"could be taken for {quoted(meant)}")

    def wrong(self, name: str, problem: str) -> FieldInvalid:
        """The error that says what is wrong with a field."""
        return FieldInvalid(f"{self._place}{name}: {problem}")

    def line(self, name: str) -> str:
        """A string like `optional_line`'s that must be there and not be empty."""
        value = self.optional_line(name)
        if value is None:
            raise self.wrong(name, "expected a string that is not empty")
        return value

    def optional_line(self, name: str) -> str | None:
        """A string that fits a header or a column: printable ASCII, not long; None where it is absent or empty."""
        value = self.optional_text(name)
        if value is not None and not (len(value) <= _MAX_LINE_LENGTH and value.isascii() and value.isprintable()):
            raise self.wrong(name, f"expected at most {_MAX_LINE_LENGTH} printable ASCII characters")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None where it is absent or empty."""
        value = self._values.get(name)
        if not isinstance(value, str | None):
            raise self.wrong(name, "expected a string")
        return value or None

    def natural(self, name: str) -> int:
        """An integer that must be there, from 0 to what 63 bits hold."""
        value = self._values.get(name)
        # Not isinstance: true and false are integers to Python.
        if type(value) is not int or not 0 <= value <= _MAX_NATURAL:
            raise self.wrong(name, "expected an integer that is not negative and fits 64 bits")
        return value

    def optional_integer(self, name: str, lowest: int, highest: int) -> int | None:
        """An integer between two bounds, both of them allowed, or None where it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if type(value) is not int or not lowest <= value <= highest:
            raise self.wrong(name, f"expected an integer from {lowest} to {highest}")
        return value

    def flag(self, name: str) -> bool:
        """A boolean, false where it is absent."""
        value = self._values.get(name)
        if not isinstance(value, bool | None):
            raise self.wrong(name, "expected true or false")
        return bool(value)

    def digest(self, name: str) -> Digest:
        """A digest that must be there."""
        return self._digest(name, self.optional_text(name) or "")

    def digests(self, name: str) -> tuple[Digest, ...]:
        """An array of digests."""
        return tuple(self._digest(name, text) for text in self.texts(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """An array of strings."""
        values = self._array(name)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(name, "expected an array of strings")
        return tuple(value for value in values if isinstance(value, str))

    def integers(self, name: str, lowest: int, highest: int) -> tuple[int, ...]:
        """An array of integers between two bounds, both of them allowed."""
        values = self._array(name)
        if not all(type(value) is int and lowest <= value <= highest for value in values):
            raise self.wrong(name, f"expected an array of integers from {lowest} to {highest}")
        return tuple(value for value in values if isinstance(value, int))

    def text_map(self, name: str) -> dict[str, str] | None:
        """An object whose values are all strings, or None where it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise self.wrong(name, "expected an object whose values are strings")
        return value

    def child(self, name: str) -> JsonFields | None:
        """An object, or None where it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(name, "expected an object")
        return JsonFields(value, f"{self._place}{name}.")

    def children(self, name: str) -> tuple[JsonFields, ...]:
        """An array of objects."""
        children = []
        for index, value in enumerate(self._array(name)):
            if not isinstance(value, dict):
                raise self.wrong(f"{name}[{index}]", "expected an object")
            children.append(JsonFields(value, f"{self._place}{name}[{index}]."))
        return tuple(children)

    def _array(self, name: str) -> list[object]:
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, "expected an array")
        return value

    def _digest(self, name: str, text: str) -> Digest:
        # Only here: documents without digests are read where each import counts.
        from oci_spec.digest import Digest
        from oci_spec.errors import DigestInvalid

        try:
            return Digest.parse(text)
        except DigestInvalid as error:
            raise self.wrong(name, str(error)) from error
