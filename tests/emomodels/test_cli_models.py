"""`emomodels models`: every model in a line, every setting with its default and what it is."""

from __future__ import annotations

import sys

import pytest

from emomodels import cli
from emomodels.models import registry


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = cli.run(["models", *args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_every_model_is_listed_with_what_it_is(capsys):
    code, text, _ = run(capsys)
    assert code == 0
    listed = {line.split()[0]: line for line in text.splitlines() if not line.startswith(" ")}
    assert listed.keys() == registry.MODELS.keys()
    assert "Linear discriminant analysis" in listed["lda"]
    assert all(len(line.split()) > 3 and len(line) <= 110 for line in listed.values())


def test_a_model_is_shown_with_its_settings_and_what_they_are(capsys):
    code, text, _ = run(capsys, "lda")
    assert code == 0
    assert text.startswith("lda: Linear discriminant analysis")
    assert "It takes one vector for each utterance; the result does not depend on the seed." in text
    assert "  shrinkage='auto'\n      Share of the identity" in text


@pytest.mark.parametrize("name", registry.MODELS)
def test_every_setting_of_a_model_is_shown(capsys, name):
    _, text, _ = run(capsys, name)
    shown = {line.strip().partition("=")[0] for line in text.splitlines() if line.startswith("  ")}
    assert set(registry.model_class(name).settings_class.model_fields) <= shown


def test_settings_that_are_extended_keep_what_was_said_about_them(capsys):
    assert "  patience=30\n      Stop after so many epochs" in run(capsys, "bilstm")[1]


def test_names_that_share_a_description_all_have_it():
    said = registry.documented(registry.model_class("mlp").settings_class)
    assert said["lr"] == said["weight_decay"]
    assert said["lr"].startswith("Adam, AdamW or SGD")


def test_a_setting_that_has_to_be_given_says_so(capsys):
    _, text, _ = run(capsys, "wav2vec2")
    assert "  source\n" in text
    assert "It has to be given." in text


def test_a_mistyped_model_is_corrected(capsys):
    code, text, error = run(capsys, "ldaa")
    assert (code, text) == (2, "")
    assert error.count("\n") == 1
    assert "(did you mean 'lda'?)" in error


def test_a_network_without_pytorch_says_what_to_install(capsys, monkeypatch):
    for module in [m for m in sys.modules if m.startswith("emomodels.models.mlp")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, error = run(capsys, "mlp")
    assert code == 1
    assert error == "emomodels: this needs the package 'torch': pip install 'emofeat[models]'\n"
