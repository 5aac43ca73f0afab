"""Folds inside the training part never divide a group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomodels import inner
from emomodels.data.examples import Examples
from emomodels.exceptions import DataError


def examples(n_groups: int, per_group: int = 6) -> tuple[Examples, list[int]]:
    n = n_groups * per_group
    y = np.arange(n) % 3
    ids = tuple(f"u{i}" for i in range(n))
    return Examples(ids, np.zeros((n, 1)), ("x",), ("a", "b", "c"), y), [i // per_group for i in range(n)]


@given(st.integers(3, 9), st.integers(0, 5))
def test_groups_never_cross_and_everybody_is_tested_once(n_groups, seed):
    e, groups = examples(n_groups)
    folds = inner.grouped_folds(e, groups, 3, seed)
    for train, test in folds:
        assert not {groups[i] for i in train} & {groups[i] for i in test}
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(e)))


def test_the_same_seed_draws_the_same_folds():
    e, groups = examples(8)
    one, two = (inner.grouped_folds(e, groups, 4, 7) for _ in range(2))
    assert all(np.array_equal(a, b) for x, y in zip(one, two, strict=True) for a, b in zip(x, y, strict=True))


def test_too_few_groups_are_refused():
    e, groups = examples(2)
    with pytest.raises(DataError, match="need 3 of them, the training part has 2"):
        inner.grouped_folds(e, groups, 3, 0)


def test_a_class_that_one_group_alone_has_is_named():
    e, groups = examples(4)
    y = np.where(np.array(groups) == 2, 2, np.arange(len(e)) % 2)
    lonely = Examples(e.ids, e.x, e.columns, e.classes, y)
    with pytest.raises(DataError, match="trains without 'c'"):
        inner.grouped_folds(lonely, groups, 4, 0)


def test_the_development_part_is_whole_groups_of_about_the_share():
    e, groups = examples(10)
    train, dev = inner.development(e, groups, 0.2, 3)
    assert not {groups[i] for i in train} & {groups[i] for i in dev}
    assert len(dev) == 12


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["x", "y", None])), min_size=1, max_size=12)
)
def test_who_shares_a_value_is_in_one_group(rows):
    columns = [list(c) for c in zip(*rows, strict=True)]
    group = inner.components(columns)
    for column in columns:
        for i, a in enumerate(column):
            for j, b in enumerate(column):
                assert a is None or a != b or group[i] == group[j]
