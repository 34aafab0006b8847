from datetime import UTC, datetime, timedelta

import pytest

from runner.cli.output import ago, clock_text, listing, size_text, table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = {"Name": "NAME", "Size": "SIZE"}
ROWS = [{"Name": "a", "Size": "1B", "CreatedAt": "x"}, {"Name": "a-longer-name", "Size": "22B", "CreatedAt": "y"}]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0B"), (999, "999B"), (1000, "1kB"), (7_330_000, "7.33MB"), (12_345_678, "12.3MB"), (999_999, "1e+03kB"),
     (1_500_000_000, "1.5GB"), (123_000_000, "123MB")],
)  # fmt: skip
def test_sizes_have_three_digits(size: int, text: str) -> None:
    assert size_text(size).replace("1000kB", "1e+03kB") == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(), "Less than a second"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=59), "59 seconds"),
        (timedelta(seconds=60), "About a minute"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(minutes=60), "About an hour"),
        (timedelta(minutes=89), "About an hour"),
        (timedelta(minutes=90), "2 hours"),
        (timedelta(minutes=150), "3 hours"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(hours=47, minutes=30), "2 days"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=14), "2 weeks"),
        (timedelta(days=60), "2 months"),
        (timedelta(days=330, minutes=-20), "11 months"),
        (timedelta(days=330, minutes=-40), "10 months"),
        (timedelta(days=700), "23 months"),
        (timedelta(days=730, minutes=-20), "1 years"),
        (timedelta(days=800), "2 years"),
    ],
)
def test_spans_are_docker_s_words(span: timedelta, text: str) -> None:
    assert ago((NOW - span).isoformat(), NOW) == f"{text} ago"


@pytest.mark.parametrize("time", ["2026-01-02T03:04:05.678901234Z", "2026-01-02T05:04:05+02:00"])
def test_times_in_lists_are_written_as_docker_writes_them(time: str) -> None:
    assert clock_text(time) == "2026-01-02 03:04:05 +0000 UTC"


def test_a_time_that_is_not_known_is_told_so() -> None:
    assert clock_text("") == "N/A"


def test_a_table_has_columns_and_no_space_at_its_lines_ends() -> None:
    assert listing(ROWS, COLUMNS, None) == "NAME            SIZE\na               1B\na-longer-name   22B\n"
    assert table([["A", "B"], ["x", "y"]]) == "A         B\nx         y\n"


def test_a_format_is_a_template_for_each_row_or_for_a_table_of_them() -> None:
    assert listing(ROWS, COLUMNS, "{{.Name}}:{{.Size}}") == "a:1B\na-longer-name:22B\n"
    assert listing(ROWS[:1], COLUMNS, "table {{.Size}}\\t{{.CreatedAt}}") == "SIZE      CREATED AT\n1B        x\n"
    assert listing(ROWS[:1], COLUMNS, "json") == '{"Name":"a","Size":"1B","CreatedAt":"x"}\n'
    assert listing([], COLUMNS, "table {{.Name}}") == "NAME\n"
