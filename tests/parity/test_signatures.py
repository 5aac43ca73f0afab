"""The compat modules have the peers' own signatures: every name, its order, its kind and its default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden.make_signatures import FILE, TABLE, resolve, signature

RECORDED: dict[str, Any] = json.loads(Path(FILE).read_text(encoding="utf-8"))
FUNCTIONS = [
    (package, name) for package, entry in sorted(RECORDED.items()) for name in sorted(entry["functions"])
]


def test_the_record_covers_the_whole_table() -> None:
    assert {p: set(e["functions"]) for p, e in RECORDED.items()} == {p: set(n) for p, (_, n) in TABLE.items()}


@pytest.mark.parametrize(("package", "name"), [f for f in FUNCTIONS if f[0] != "torchaudio"])
def test_the_record_is_what_the_installed_package_says(package: str, name: str) -> None:
    from tests.parity import peers  # pyAudioAnalysis can be imported only with its help

    assert peers.PEERS
    assert signature(resolve(TABLE[package][1][name])) == RECORDED[package]["functions"][name]


@pytest.mark.parametrize(("package", "name"), FUNCTIONS)
def test_the_drop_in_function_has_the_recorded_signature(package: str, name: str) -> None:
    ours = signature(resolve(f"{RECORDED[package]['module']}.{name}"))
    theirs = RECORDED[package]["functions"][name]
    # Whatever a peer takes as **kwargs may be spelled out here.
    variadic = [p for p in theirs if p["kind"].startswith("VAR_")]
    named = [p for p in theirs if p not in variadic]
    extra = [p for p in ours if p["name"] not in {q["name"] for q in named}]
    assert [p for p in ours if p not in extra] == named
    assert variadic or not extra, f"{name} has {[p['name'] for p in extra]}, which {package} does not"
