"""One writer for each shard: a lock file that names its owner.

The kernel's `flock` says whether an owner on this host is alive, and lets go when it dies, however it
dies. The text in the file says who it is, and protects against owners on other hosts, whose `flock`
a shared file system may not show. A run over some of the shards (`--shard i/N`) locks only those.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofeat._log import logger
from emofeat.engine.errors import RunError

_NAME = re.compile(r"\.lock-(\d+)-of-(\d+)")
GUARD = ".lock"
# A file system without flock: the owner's text alone has to do.
_NO_FLOCK = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Share:
    """Which shards a run takes: all those with `index % of == number - 1`."""

    number: int = 1
    of: int = 1

    def __contains__(self, index: int) -> bool:
        return index % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def overlaps(self, other: Share) -> bool:
        """Whether some shard belongs to both; shares of different `of` count as overlapping."""
        return self.of != other.of or self.number == other.number


WHOLE = Share()


@contextmanager
def hold(out: Path, share: Share) -> Iterator[None]:
    """Own the shards of `share` in the directory `out` for the length of the block.

    Raises
    ------
    RunError
        Another run owns some of them; the message names it.
    """
    mine = out / f".lock-{share.number}-of-{share.of}"
    with guard(out):
        for path in sorted(out.glob(".lock-*")):
            match = _NAME.fullmatch(path.name)
            if match and share.overlaps(Share(int(match[1]), int(match[2]))):
                _refuse_if_owned(path)
        fd = os.open(mine, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        _flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.write(fd, json.dumps(_me()).encode())
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            mine.unlink()
        os.close(fd)


@contextmanager
def guard(out: Path, name: str = GUARD) -> Iterator[None]:
    """Exclude other processes of this host for a short step on `out`."""
    fd = os.open(out / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _refuse_if_owned(path: Path) -> None:
    """Remove the lock at `path` if its owner is gone, else raise."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        owner = _owner(fd)
        free = _flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not free or not _is_gone(owner):
            here = owner.get("host") == socket.gethostname()
            hint = "wait for it or stop it" if here else f"if that run is dead, remove {path}"
            raise RunError(
                f"{path.parent} is being written by another run: process {owner.get('pid', '?')} on "
                f"{owner.get('host', 'an unknown host')} since {owner.get('started', '?')}; {hint}"
            )
        logger.info("the run of process %s died; going on from what it finished", owner.get("pid", "?"))
        path.unlink(missing_ok=True)
    finally:
        os.close(fd)


def _flock(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        if error.errno not in _NO_FLOCK:
            raise
    return True


def _owner(fd: int) -> dict[str, Any]:
    try:
        owner = json.loads(os.pread(fd, 4096, 0))
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _me() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "born": _born(os.getpid()),
        "started": time.strftime("%Y-%m-%d %H:%M:%S %z"),
    }


def _is_gone(owner: dict[str, Any]) -> bool:
    """Whether the owner is a process of this host that ended; an empty file was never owned."""
    if not owner:
        return True
    if owner.get("host") != socket.gethostname():
        return False
    born = _born(int(owner.get("pid", 0)))
    return born is None or born != owner.get("born")


def _born(pid: int) -> str | None:
    """When process `pid` started, in clock ticks since this host did; None if there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The second field is the command's name in parentheses, and may hold anything.
    return f"{boot}:{status.rpartition(')')[2].split()[19]}"
