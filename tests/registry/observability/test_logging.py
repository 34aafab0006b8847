"""The application's log: lines with their request, without secrets, that never fail what they report."""

import io
import json
import logging
from typing import Any, BinaryIO, Literal, cast

import pytest

from registry.observability.logging import configure, logger
from registry.observability.request_context import of_request, serving


class Output(io.BytesIO):
    """What was logged, also after its reader is gone."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


pytestmark = pytest.mark.usefixtures("restored_logging")


def configured(form: Literal["json", "console"] = "json", level: Literal["debug", "info"] = "info") -> Output:
    output = Output()
    configure(level, form, output)
    return output


def test_a_line_of_json_has_time_level_room_and_values() -> None:
    output = configured()

    logger("registry.jobs").warning("job failed", job="upload_expiry", runs=3)

    (line,) = output.lines()
    assert line.pop("time") > 0
    assert line == {
        "level": "warning",
        "room": "registry.jobs",
        "event": "job failed",
        "job": "upload_expiry",
        "runs": 3,
    }


def test_lines_below_the_level_are_not_written_and_the_level_can_change() -> None:
    output = configured(level="info")
    log = logger("room")

    log.debug("one")
    configure("debug", "json", output)
    log.debug("two")

    assert [line["event"] for line in output.lines()] == ["two"]


def test_lines_bear_the_request_that_is_being_served() -> None:
    output = configured()
    trace = "0af7651916cd43dd8448eb211c80319c"

    with serving(of_request("abc-1", f"00-{trace}-b7ad6b7169203331-01")):
        logger("room").info("inside")
    logger("room").info("outside")

    inside, outside = output.lines()
    assert (inside["request_id"], inside["trace_id"]) == ("abc-1", trace)
    assert "request_id" not in outside


@pytest.mark.parametrize("text", [None, "", "a" * 129, "a b", "a\nb", "é", 'a"'])
def test_a_request_id_that_is_not_short_and_plain_is_replaced(text: str | None) -> None:
    first, second = of_request(text, None), of_request(text, None)

    assert first.request_id != text
    assert first.request_id != second.request_id


@pytest.mark.parametrize("text", ["", "x", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "00-zz-b7ad6b7169203331-01"])
def test_a_malformed_traceparent_names_no_trace(text: str) -> None:
    assert of_request("a", text).trace_id is None


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_masked_wherever_they_stand(form: str) -> None:
    output = configured("json" if form == "json" else "console")

    try:
        raise OSError("no connection to postgresql://user:hunter2@host/db")
    except OSError:
        logger("room").exception(
            "at http://h/x?_state=hunter2&a=1",
            password="hunter2",
            headers={"Authorization": "Basic hunter2x", "Accept": "Bearer hunter2x"},
            urls=["https://u:hunter2@h/"],
        )
    logging.getLogger("library").error("sent %s", "Authorization: Bearer hunter2.abc-def")

    text = output.getvalue().decode()
    assert "hunter2" not in text
    assert "no connection to" in text
    assert "a=1" in text


def test_libraries_write_to_the_same_log() -> None:
    output = configured()

    try:
        raise ValueError("inner")
    except ValueError:
        logging.getLogger("library").exception("it %s", "failed")
    logging.getLogger("library").info("bad %d arguments", "x")

    first, second = output.lines()
    assert (first["level"], first["room"], first["event"]) == ("error", "library", "it failed")
    assert "ValueError: inner" in first["exception"]
    assert second["event"] == "bad %d arguments"


def test_bytes_that_are_no_text_can_be_logged() -> None:
    output = configured()

    logger("room").info("agent", value="\udcff")

    assert output.lines()[0]["value"] == "\\udcff"


def test_a_console_line_cannot_steer_the_terminal() -> None:
    output = configured("console")

    logger("room").info("agent \x1b[31m", value="a\nb\x1b[0m")

    (line,) = output.getvalue().decode().splitlines()
    assert "\x1b" not in line
    assert "a\\nb" in line


def test_a_log_that_cannot_be_written_fails_nobody() -> None:
    output = configured()
    output.close()

    logger("room").info("lost")


def test_a_value_that_json_does_not_know_is_shown_as_text() -> None:
    output = configured()

    logger("room").info("kind", value=cast("BinaryIO", output), error=ValueError("x"))

    assert output.lines()[0]["error"] == "x"


@pytest.mark.parametrize("name", ["alembic.runtime.migration", "aiohttp.access", "asyncio"])
def test_libraries_that_say_what_nobody_asked_are_not_heard(name: str) -> None:
    output = configured(level="debug")

    logging.getLogger(name).info("chatter")

    assert output.lines() == []


def test_sentences_about_authentication_are_not_masked() -> None:
    output = configured()

    logger("room").info("basic authentication failed, bearer tokens are asked for")

    assert output.lines()[0]["event"] == "basic authentication failed, bearer tokens are asked for"
