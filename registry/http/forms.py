"""Bodies that are forms (`application/x-www-form-urlencoded`), as token servers take them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from multidict import MultiDict

from registry import limits
from registry.errors import RequestInvalid
from registry.http.call import Call
from registry.http.request_body import read_whole


async def read_form(call: Call) -> MultiDict[str]:
    """The fields of a request's form.

    Raises:
        RequestInvalid: the body is none, is too long, or has too many fields.
        BodyIncomplete: it ended early.
    """
    content = await read_whole(call.body, limits.TOKEN_FORM_BYTES, RequestInvalid("its form is too long"))
    try:
        text = content.decode("ascii")
        return MultiDict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=limits.TOKEN_FIELDS))
    except (ValueError, UnicodeDecodeError):
        raise RequestInvalid("its body is no form") from None
