"""Recipes that come along: each can be read, and is found by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from emomodels import cli, config, recipes
from emomodels.exceptions import RecipeError
from emomodels.material import SPLITS, _check_settings


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_that_comes_along_is_valid_and_says_what_makes_its_inputs(name):
    path = recipes.find(name)
    recipe = config.load(path)
    _check_settings(recipe)
    assert recipe.split in SPLITS
    assert not recipe.stamps
    comment = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert any("emofeat prepare" in line for line in comment)


def test_the_recipes_of_s4_have_its_settings_under_the_clean_protocol():
    wav2vec2 = config.load(recipes.find("s4-wav2vec2"))
    model = wav2vec2.model
    assert (model["optimizer"], model["lr"], model["schedule"]) == ("adamw", 1e-4, "linear")
    assert (model["batch_size"], model["accumulate"], model["epochs"]) == (4, 2, 10)
    bilstm = config.load(recipes.find("s4-bilstm"))
    assert (bilstm.model["hidden"], bilstm.model["layers"], bilstm.model["dropout"]) == (50, 2, 0.3)
    for recipe in (wav2vec2, bilstm):
        assert (recipe.protocol.name, recipe.development.source) == ("clean", "train")
        assert 2020 in recipe.seeds


def test_a_file_comes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("s4-bilstm").write_text("name: mine\n", encoding="utf-8")
    assert recipes.find("s4-bilstm") == Path("s4-bilstm")


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(RecipeError, match=r"did you mean 's4-bilstm'\?\); packaged are .*s4-wav2vec2"):
        recipes.find("s4-bilstn")


def test_the_command_line_takes_names_and_shows_them(tmp_path, capsys):
    assert cli.run(["train", "s4-bilstn", "-o", str(tmp_path)]) == 2
    assert "did you mean 's4-bilstm'" in capsys.readouterr().err
    assert cli.run(["train", "--help"]) == 0
    assert "s4-wav2vec2" in " ".join(capsys.readouterr().out.split())
