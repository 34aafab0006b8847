"""Templates, as docker's own command line renders them: where docker is installed, it is asked."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.errors import Failed
from runner.cli.output import formatted
from runner.cli.templates.parsing import TemplateInvalid, parse
from tests.requirements import require_tool

DATA = {
    "Name": "moorage",
    "Metadata": {"b": "two", "a": "1", "<&>": "x"},
    "Endpoints": {"docker": {"Host": "unix:///x", "SkipTLSVerify": False}},
    "TLSMaterial": {},
}

RENDERED = {
    "plain": "plain",
    "{{.Name}}": "moorage",
    "{{ .Name }}!": "moorage!",
    "{{.Endpoints.docker.Host}}": "unix:///x",
    "{{.Endpoints.docker.SkipTLSVerify}}": "false",
    "{{json .Endpoints}}": '{"docker":{"Host":"unix:///x","SkipTLSVerify":false}}',
    "{{json .Name}}": '"moorage"',
    "{{.Metadata}}": "map[<&>:x a:1 b:two]",
    "{{json .Metadata}}": '{"b":"two","a":"1","<&>":"x"}',
    '{{index .Metadata "b"}}': "two",
    '{{index .Endpoints "docker" "Host"}}': "unix:///x",
    "{{range $k, $v := .Metadata}}{{$k}}={{$v}};{{end}}": "<&>=x;a=1;b=two;",
    "{{range .Metadata}}{{.}} {{end}}": "x 1 two ",
    "{{range .TLSMaterial}}x{{else}}none{{end}}": "none",
    "{{if .TLSMaterial}}a{{else}}b{{end}}": "b",
    "{{if .Name}}a{{end}}": "a",
    '{{if eq .Name "x"}}a{{else if eq .Name "moorage"}}b{{else}}c{{end}}': "b",
    "{{with .Endpoints.docker}}{{.Host}}{{end}}": "unix:///x",
    "{{with $x := .Name}}{{$x}}{{end}}": "moorage",
    "{{$n := .Name}}{{$n}}{{$.Name}}": "mooragemoorage",
    "{{len .Name}} {{len .Metadata}}": "7 3",
    "{{upper .Name}} {{title .Name}} {{lower .Name}}": "MOORAGE Moorage moorage",
    "{{.Name | upper | lower}}": "moorage",
    '{{join (split .Name "o") ","}}': "m,,rage",
    '{{split .Name "o"}}': "[m  rage]",
    "{{truncate .Name 3}}": "moo",
    "{{pad .Name 1 2}}|": " moorage  |",
    '{{printf "%s-%d%%" .Name 3}}': "moorage-3%",
    "{{println .Name 1}}": "moorage 1\n",
    '{{print "a" "b"}}': "ab",
    "{{and .Name 1}}{{or .TLSMaterial 2}}{{not .Name}}": "12false",
    "a {{- .Name -}} b": "amoorageb",
    "{{/* a comment */}}x": "x",
    "{{`raw`}}": "raw",
    "{{true}}": "true",
    '{{if and (eq .Name "moorage") (ne 1 2)}}both{{end}}': "both",
    '{{index .Metadata "nothing"}}': "",
}

REFUSED = [
    "{{",
    "{{.Name",
    "{{end}}",
    "{{if .Name}}",
    "{{else}}",
    "{{nothing}}",
    "{{.Nothing}}",
    "{{.Name.Nothing}}",
    "{{$x}}",
    "{{range .Name}}{{end}}",
    "{{(.Name}}",
    "{{}}",
    "{{len 1}}",
]


@pytest.mark.parametrize(("template", "text"), RENDERED.items())
def test_a_template_is_rendered(template: str, text: str) -> None:
    assert formatted(template, [DATA]) == [text]


@pytest.mark.parametrize("template", REFUSED)
def test_what_makes_no_sense_is_told(template: str) -> None:
    with pytest.raises(Failed):
        formatted(template, [DATA])


def words(template: str) -> set[str]:
    return set(re.findall(r"\w+", template))


@pytest.mark.tool("docker")
def test_docker_renders_the_same(tmp_path: Path) -> None:
    # A context is something that docker describes without a daemon.
    home = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}
    docker = require_tool("docker")
    subprocess.run([docker, "context", "create", "moorage", "--docker", "host=unix:///x"], env=home, check=True)
    # Each on a line of its own, all in one call: starting docker takes longest. What docker has typed fields for, and
    # we have maps, cannot be compared.
    templates = [
        each for each, text in RENDERED.items() if "\n" not in text and not {"Metadata", "index"} & words(each)
    ]
    joined = "\n".join(templates)

    said = subprocess.run(
        [docker, "context", "inspect", "moorage", "--format", joined], env=home, check=True, capture_output=True
    ).stdout.decode()

    assert len(templates) > 20
    assert said.splitlines() == formatted(joined, [DATA])[0].splitlines()


@given(st.text(st.sampled_from('{}.$"`|()- \nNameifrangeendelsewith:=,/*1x'), max_size=40))
def test_malformed_templates_raise_only_their_own_error(text: str) -> None:
    try:
        parse(text)
    except TemplateInvalid:
        return
