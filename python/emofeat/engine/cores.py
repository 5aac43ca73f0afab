"""How many threads this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

from emofeat.engine.errors import UsageError


def default_jobs() -> int:
    """`EMOFEAT_NUM_THREADS`, else the CPUs that affinity and control group leave to this process."""
    given = os.environ.get("EMOFEAT_NUM_THREADS")
    if given:
        if not given.isdigit() or int(given) == 0:
            raise UsageError(f"EMOFEAT_NUM_THREADS is {given!r}; it must be a whole number, 1 or more")
        return int(given)
    return max(1, min(len(os.sched_getaffinity(0)), cgroup_cpus()))


def cgroup_cpus(root: Path = Path("/sys/fs/cgroup")) -> int:
    """The CPUs that the control group of this process allows, rounded up; a huge number without a limit."""
    no_limit = 1 << 30
    try:  # version 2
        quota, period = (root / _own_group("") / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:  # version 1
            folder = root / "cpu" / _own_group("cpu")
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return no_limit
    return no_limit if quota in ("max", "-1") else max(1, math.ceil(int(quota) / int(period)))


def _own_group(controller: str) -> str:
    """The path of this process's group; containers see theirs at the root."""
    try:
        for entry in Path("/proc/self/cgroup").read_text().splitlines():
            _, names, path = entry.split(":", 2)
            if controller in names.split(","):
                return path.lstrip("/")
    except (OSError, ValueError):
        pass
    return ""
