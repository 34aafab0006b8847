"""The API document as a client reads it, to hold answers against."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from registry.http.web_api.lines import MEDIA_TYPE
from tests.registry.http.serving import Answer, Client

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ApiDocument:
    """The web API's description of itself."""

    content: Document

    @classmethod
    async def read(cls, client: Client) -> ApiDocument:
        """The document that the application answers."""
        answer = await client.get("/api/v1/openapi.json")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
        return cls(answer.document)

    @property
    def operations(self) -> dict[tuple[str, str], Document]:
        """All operations, by method and path."""
        return {
            (method.upper(), path): operation
            for path, methods in self.content["paths"].items()
            for method, operation in methods.items()
        }

    def check(self, operation: tuple[str, str], answer: Answer) -> None:
        """Fail unless `answer` is just what the document says about it."""
        responses = self.operations[operation]["responses"]
        described = responses.get(str(answer.status), responses["default"])
        if "content" not in described:
            assert (answer.body, "Content-Type" in answer.headers) == (b"", False)
            return
        [(media_type, content)] = described["content"].items()
        assert answer.headers["Content-Type"] == media_type
        schema = {**content["schema"], "components": {"schemas": self._closed_schemas()}}
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        for text in answer.body.splitlines() if media_type == MEDIA_TYPE else [answer.body]:
            validator.validate(json.loads(text))

    def _closed_schemas(self) -> Document:
        """The schemas, with nothing allowed that they do not name: a field without a description is a defect."""
        schemas: Document = self.content["components"]["schemas"]
        return {
            name: {**schema, "additionalProperties": False} if "properties" in schema else schema
            for name, schema in schemas.items()
        }
