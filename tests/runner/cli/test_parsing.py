import pytest

from runner.cli.errors import UsageError
from runner.cli.flags import BOOL, NUMBER, TEXT, TEXTS, Command, Flag
from runner.cli.parsing import parse

COMMAND = Command(
    "do",
    "[OPTIONS] THING [THING...]",
    "Do something",
    "nowhere",
    (
        Flag("all", "All", BOOL, "a"),
        Flag("quiet", "Quiet", BOOL, "q"),
        Flag("verify", "Verify", BOOL, default=True),
        Flag("format", "Format", TEXT, "f"),
        Flag("env", "Variable", TEXTS, "e"),
        Flag("time", "Seconds", NUMBER, "t", default=10),
    ),
    least=1,
    most=3,
    unbuilt=("isolation",),
)
RUN = COMMAND._replace(interspersed=False, most=None)


@pytest.mark.parametrize(
    "words",
    [
        "-aq -f x thing",
        "thing -aqf x",
        "--all=true -q --format x thing",
        "-a -q -f=x -- thing",
        "-aqfx thing",
        "--all=T --quiet=1 --format=x thing",
    ],
)
def test_flags_are_written_in_all_of_dockers_ways(words: str) -> None:
    arguments = parse(COMMAND, words.split())

    assert arguments.words == ["thing"]
    assert (arguments.flag("all"), arguments.flag("quiet"), arguments.text("format")) == (True, True, "x")
    assert not arguments.given("time")
    assert (arguments.number("time"), arguments.flag("verify")) == (10, True)


def test_a_flag_may_be_taken_back_and_the_last_one_counts() -> None:
    arguments = parse(COMMAND, ["-a", "--all=false", "--verify=0", "--time", "3", "-t5", "x"])

    assert not arguments.flag("all")
    assert not arguments.flag("verify")
    assert arguments.given("verify")
    assert arguments.number("time") == 5


def test_a_flag_that_may_come_several_times_keeps_all() -> None:
    assert parse(COMMAND, ["-e", "A=1", "--env=B=2", "x", "-eC"]).texts("env") == ["A=1", "B=2", "C"]
    assert parse(COMMAND, ["x"]).texts("env") == []


def test_what_follows_the_first_argument_may_be_another_programs() -> None:
    arguments = parse(RUN, ["-a", "image", "-q", "--unknown", "--"])

    assert arguments.words == ["image", "-q", "--unknown", "--"]
    assert not arguments.flag("quiet")
    assert parse(RUN, ["--", "-a"]).words == ["-a"]


def test_a_single_dash_is_an_argument() -> None:
    assert parse(COMMAND, ["-", "x"]).words == ["-", "x"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--nothing x", "unknown flag: --nothing"),
        ("-z x", "unknown shorthand flag: 'z' in -z"),
        ("-aqz x", "unknown shorthand flag: 'z' in -aqz"),
        ("x --format", "flag needs an argument: --format"),
        ("x -af", "flag needs an argument: 'f' in -af"),
        ("--all=perhaps x", "invalid argument 'perhaps' for '-a, --all' flag"),
        ("--time soon x", "invalid argument 'soon' for '-t, --time' flag"),
        ("--isolation x", "--isolation is a flag of docker's that runner has not got"),
        ("--isolation=y x", "--isolation is a flag of docker's that runner has not got"),
    ],
)
def test_what_makes_no_sense_is_told_with_the_status_of_docker(words: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(COMMAND, words.split())

    assert str(raised.value).startswith(said)
    assert "Run 'runner do --help'" in str(raised.value)
    assert raised.value.status == 125


@pytest.mark.parametrize(
    ("least", "most", "given", "said"),
    [
        (1, 1, 0, "requires 1 argument"),
        (2, 2, 1, "requires 2 arguments"),
        (1, None, 0, "requires at least 1 argument"),
        (0, 1, 2, "requires at most 1 argument"),
        (0, 0, 1, "accepts no arguments"),
        (1, 3, 4, "requires at least 1 and at most 3 arguments"),
    ],
)
def test_the_number_of_arguments_is_counted(least: int, most: int | None, given: int, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(COMMAND._replace(least=least, most=most), ["x"] * given)

    assert said in str(raised.value)
    assert raised.value.status == 1
