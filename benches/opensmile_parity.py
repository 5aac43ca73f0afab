"""How much of what openSMILE computes from real speech emofeat computes too.

    python benches/opensmile_parity.py [--set egemapsv02|gemapsv01b|compare2016] [--level functionals|lld|lld_de ...]
                                       [--limit N] [--jobs N] [--exceptions N] [--json FILE]

Both sides read the same samples of every recording below `EMOFEAT_TEST_DATA` (`--limit`: N of them, spread
evenly). Printed: the share of values within 1e-3 (`|a - b| <= 1e-3 max(|b|, 0.01)`) and within 1e-2, the
columns with most misses, and every exception with its clip, column and both values. Of ComParE_2016 the
`lpc` functionals, which amplify the rounding of their input, are counted apart. Ends with status 1 if a share
is below the target: 99.9 %, and 99.5 % of ComParE_2016's other functionals.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import signals
from tests.parity import agreement
from tests.parity.agreement import Tally, add_apart

TARGETS = {("compare2016", "functionals"): 0.995}

Pair = tuple[str, np.ndarray, np.ndarray]


def pair(job: tuple[str, str, Path]) -> Pair:
    """What both sides have for one recording."""
    name, level, path = job
    y, sr = signals.read_clip(path)
    return f"{path.stem}@{sr}", agreement.ours(name, level, y, sr), agreement.theirs(name, level, y, sr)


def spread(paths: list[Path], limit: int | None) -> list[Path]:
    if limit is None or limit >= len(paths):
        return paths
    return [paths[i] for i in np.linspace(0, len(paths) - 1, limit).round().astype(int)]


def count(name: str, level: str, pairs: Iterable[Pair]) -> tuple[Tally, Tally]:
    plain, lpc = Tally(), Tally()
    columns = agreement.oracle(name, level).feature_names
    if agreement.extractor(name, level).schema[0].columns != columns:
        raise SystemExit(f"{name}, {level}: the columns' names or order differ from openSMILE's")
    for clip, actual, expected in pairs:
        if actual.shape != expected.shape:
            raise SystemExit(f"{clip}: {actual.shape} for openSMILE's {expected.shape}")
        add_apart(plain, lpc, clip, columns, actual, expected)
    return plain, lpc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--set", default="egemapsv02", choices=sorted(agreement.SETS))
    parser.add_argument(
        "--level", nargs="+", default=["functionals", "lld"], choices=sorted(agreement.LEVELS)
    )
    parser.add_argument("--limit", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--exceptions", type=int, default=10**9)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    folder = signals.data_folder()
    if folder is None:
        raise SystemExit(f"{signals.TEST_DATA} is not set: no real recordings")
    paths = spread(signals.clip_paths(folder), given.limit)
    low, record = False, {}
    for level in given.level:
        began = time.perf_counter()
        jobs = [(given.set, level, path) for path in paths]
        with ProcessPoolExecutor(given.jobs) as pool:
            plain, lpc = count(given.set, level, pool.map(pair, jobs, chunksize=4))
        target = TARGETS.get((given.set, level), 0.999)
        low |= plain.share < target
        print(f"\n{given.set} {level}, {len(paths)} recordings, {time.perf_counter() - began:.0f} s:")
        print(plain.report(given.exceptions))
        print(f"  largest error of those within 1e-3: {plain.largest:.1e}; target {target:.1%}")
        if lpc.total:
            print(f"lpc functionals apart: {lpc.report(0)}")
        record[level] = {
            "values": plain.total,
            "share_1e3": plain.share,
            "share_1e2": plain.share_1e2,
            "worst": plain.worst(20),
            "exceptions": [str(e) for e in plain.exceptions[: given.exceptions]],
            "lpc_share_1e3": lpc.share if lpc.total else None,
            "lpc_share_1e2": lpc.share_1e2 if lpc.total else None,
        }
    if given.json:
        given.json.write_text(json.dumps(record, indent=1))
    raise SystemExit(low)


if __name__ == "__main__":
    main()
