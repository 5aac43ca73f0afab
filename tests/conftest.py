"""Fixtures of every test: real recordings when EMOFEAT_TEST_DATA names them, repeatable drawn examples."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import signals

# librosa compiles with numba on first use and caches beside itself; two processes that fill that cache at
# the same time can crash. Each worker has its own, set before anything imports numba.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["NUMBA_CACHE_DIR"] = str(Path(__file__).resolve().parent.parent / "build" / "numba" / _worker)

# The same examples in every run, so that a red test is red for the next person too; "explore" draws new ones.
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "explore", deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-recordings",
        action="store_true",
        help="compare all real recordings with the packages, not a sample",
    )


WITHOUT_DATA = f"{signals.TEST_DATA} is not set: no real recordings"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder with real recordings. Unset: the test is skipped and counted. Set but missing: an error."""
    folder = signals.data_folder()
    if folder is None:
        pytest.skip(WITHOUT_DATA)
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every test that was skipped and why: a run without data must not look like a full one."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section(f"{len(skipped)} skipped")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
