"""docs/corpora.md says what the code does: every table of names in it is held against the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from emofeat import corpus
from emofeat.cli import COMMANDS
from emofeat.cli.split import command as split_command
from emofeat.cli.trim import command as trim_command
from emofeat.corpus import check
from emofeat.corpus.prepare import crema_d, iemocap, meld, msp_improv, muse_car, ravdess

PAGE = (Path(__file__).parents[2] / "docs" / "corpora.md").read_text()


def rows(head: str) -> list[list[str]]:
    """The cells below the header that begins with `head`."""
    table = PAGE.split(f"\n| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def names(head: str) -> list[str]:
    return [row[0].strip("`") for row in rows(head)]


def test_the_columns_are_those_of_a_manifest_in_their_order():
    assert names("column") == list(corpus.COLUMNS)


def test_the_formats_and_what_they_are_told_by_are_those_that_are_read():
    told = {row[0].strip("`"): tuple(re.findall(r"`([^`]+)`", row[1])) for row in rows("format")}
    assert told == corpus.FORMATS


def test_the_corpora_are_those_that_can_be_prepared():
    assert [(row[0].strip("`"), row[1]) for row in rows("corpus")] == [
        (c.name, c.reads) for c in corpus.CORPORA.values()
    ]


def test_the_numbers_of_utterances_are_those_that_are_checked():
    checked = {row[0].strip("`"): row[2] for row in rows("corpus")}
    counted = {
        "ravdess": [len(set(ravdess.keys(song=False))), len(set(ravdess.keys(song=True)))],
        "iemocap": [sum(iemocap._COUNTS[0].expected.values())],
        "msp-improv": [sum(msp_improv._COUNTS[1].expected.values())],
        "meld": [sum(meld._COUNTS[0].expected.values())],
        "muse-car": list(muse_car._COUNTS[0].expected.values()),
        "emodb": [sum(corpus.label_map("emodb7").expected["emodb"].values())],
        "crema-d": [len(set(crema_d.names()))],
    }
    for name, numbers in counted.items():
        assert re.findall(r"\d+(?:,\d{3})*", checked[name]) == [f"{n:,}" for n in numbers]


def test_the_findings_are_those_that_check_gives():
    tree = ast.parse(Path(check.__file__).read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Finding", "those", "_mixed"):
            code = node.args[0]
            if isinstance(code, ast.Constant):
                found.add(code.value)
            elif isinstance(code, ast.JoinedStr):
                found |= {f"{name}_across_splits" for name in ("speaker", "session", "dialogue", "parent")}
    assert len(names("finding")) == len(found)
    assert set(names("finding")) == found


def test_the_guards_and_what_they_refuse_are_those_of_the_code():
    assert {row[0].strip("`"): row[1] for row in rows("guard")} == corpus.GUARDS


def test_the_protocols_switch_off_what_the_page_says():
    told = {row[0].strip("`"): frozenset(re.findall(r"`(\w+)`", row[1])) for row in rows("protocol")}
    known = {name: frozenset() if off is None else off for name, off in corpus.PROTOCOLS.items()}
    assert told == known


def test_the_label_maps_have_the_classes_and_counts_of_the_page():
    told = {row[0].strip("`"): (row[1].strip("`"), row[2]) for row in rows("map")}
    for label in corpus.LABEL_MAPS.values():
        (counts,) = label.expected.values()
        assert told.pop(label.name) == (
            label.column,
            ", ".join(f"{name} {counts[name]:,}" for name in label.classes),
        )
    assert told == {}


def test_the_makers_of_splits_are_functions_and_options_of_the_command():
    options = {option for p in split_command.params for option in p.opts}
    for option, function, _ in rows("option"):
        assert set(re.findall(r"--?[a-z][\w-]*", option)) <= options
        assert callable(getattr(corpus, function.strip("`")))


def test_the_defaults_of_trimming_are_those_of_the_page():
    defaults = {p.name: p.default for p in trim_command.params}
    assert f"`--range-db` ({defaults['range_db']:g})" in PAGE
    assert f"`--margin`\n({defaults['margin']:g})" in PAGE


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^emofeat (\w+)", PAGE, re.MULTILINE))))
def test_the_commands_exist(command):
    assert command in COMMANDS


def test_the_public_names_are_exported_lazily_and_all():
    assert set(corpus.__all__) == {*corpus._MODULE_OF, *corpus._MODULES}
    for name in corpus.__all__:
        value = getattr(corpus, name)
        assert getattr(value, "__module__", "emofeat.corpus").startswith(("emofeat.corpus", "builtins"))
    with pytest.raises(AttributeError, match="has no attribute 'manifst'"):
        corpus.manifst  # noqa: B018
