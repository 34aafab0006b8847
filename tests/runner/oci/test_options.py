import pytest

from runner.oci.command import COMMANDS, load
from runner.oci.errors import UsageInvalid
from runner.oci.main import GLOBAL_FLAGS
from runner.oci.options import Flag, read

FLAGS = (
    Flag("bundle", "", "DIRECTORY", short="b"),
    Flag("all", "", short="a"),
    Flag("env", "", "TEXT", short="e", many=True),
)


@pytest.mark.parametrize("words", [["--bundle", "x", "id"], ["--bundle=x", "id"], ["-b", "x", "id"], ["id", "-b=x"]])
def test_a_value_stands_behind_its_flag_or_an_equals_sign(words: list[str]) -> None:
    given = read(FLAGS, words, stop_at_operand=False)

    assert given.text("bundle") == "x"
    assert given.operands == ("id",)


def test_go_programs_write_flags_with_one_dash_and_booleans_with_values() -> None:
    assert read(FLAGS, ["-all=true"], stop_at_operand=False).has("all")
    assert not read(FLAGS, ["--all=false"], stop_at_operand=False).has("all")


def test_behind_the_first_operand_flags_are_another_programs() -> None:
    given = read(FLAGS, ["-e", "A=1", "--env=B=2", "id", "ls", "--all", "--", "-b"], stop_at_operand=True)

    assert given.texts("env") == ("A=1", "B=2")
    assert given.operands == ("id", "ls", "--all", "--", "-b")


def test_two_dashes_end_the_flags() -> None:
    assert read(FLAGS, ["--", "--all"], stop_at_operand=False).operands == ("--all",)


@pytest.mark.parametrize("words", [["--unknown"], ["-x"], ["--bundle"], ["--all=maybe"], ["--unknown=1"]])
def test_what_is_no_flag_is_refused_by_name(words: list[str]) -> None:
    with pytest.raises(UsageInvalid, match=words[0].lstrip("-").partition("=")[0]):
        read(FLAGS, words, stop_at_operand=False)


@pytest.mark.parametrize("text", ["-1", "x", "1025", ""])
def test_a_number_out_of_bounds_is_refused(text: str) -> None:
    given = read((Flag("preserve-fds", "", "NUMBER"),), [f"--preserve-fds={text or 'none'}"], stop_at_operand=False)

    with pytest.raises(UsageInvalid, match="preserve-fds"):
        given.number("preserve-fds", 1024)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_two_flags_of_a_command_have_one_name(name: str) -> None:
    flags = load(name).flags
    names = [flag.name for flag in flags] + [flag.short for flag in flags if flag.short]

    assert len(names) == len(set(names))
    assert len(GLOBAL_FLAGS) == len({flag.name for flag in GLOBAL_FLAGS})
