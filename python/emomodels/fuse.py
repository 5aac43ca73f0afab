"""Fusion of finished runs: joined by key, trained on out-of-fold posteriors, shown beside its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofeat.corpus import guard
from emomodels import runs
from emomodels.exceptions import DataError, RecipeError
from emomodels.posteriors import Posteriors
from emomodels.runs import Run
