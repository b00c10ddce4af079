"""Clean-up of a table's folder: the log summed up, entries that are summed up and files that nobody needs deleted.

Deleting begins with the oldest, so that an entry that is there says that all later ones are. Two checkpoints are kept
with every entry since the first of them: should the newer one be damaged, the table can still be read.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from retrue.store.durable import sync_folder
from retrue.store.files import AnyPath, Remote, any_path
from retrue.store.lake import LakeTable

KEPT_FILES = 7 * 86_400
"""Seconds that files outlive the commit that took them out: somebody may be reading."""
KEPT_LOG = 86_400
"""Seconds that summed up log entries are kept."""
SUMMED = 50
"""Entries since the last checkpoint that are worth another one."""


def checkpoints(table: LakeTable) -> list[int]:
    """The versions that a table has checkpoints of, oldest first."""
    found = (table.folder / "_delta_log").glob("*.checkpoint*.parquet")
    return sorted({int(path.name.split(".")[0]) for path in found})


def unsummed(table: LakeTable) -> int:
    """How many entries came since the last checkpoint."""
    entries = [int(path.stem) for path in entries_of(table)]
    return (entries[-1] if entries else 0) - max(checkpoints(table), default=0)


def entries_of(table: LakeTable) -> list[AnyPath]:
    """The log's entries, oldest first."""
    return sorted(path for path in (table.folder / "_delta_log").glob("*.json") if path.stem.isdigit())


def outlived_log(table: LakeTable, now: float) -> list[AnyPath]:
    """Log entries and checkpoints that can go: summed up by two checkpoints, and old enough.

    Args:
        table: whose log.
        now: seconds since 1970.
    """
    log, kept = table.folder / "_delta_log", checkpoints(table)[-2:]
    if len(kept) < 2:
        return []
    dated = [path for path in log.iterdir() if path.name.split(".")[0].isdigit()]
    summed = sorted(path for path in dated if int(path.name.split(".")[0]) < kept[0])
    left = [path for path in log.glob("_commit_*.tmp") if is_old(path, now, KEPT_LOG)]
    young = next((i for i, path in enumerate(summed) if not is_old(path, now, KEPT_LOG)), len(summed))
    return [*summed[:young], *left]


def outlived_files(table: LakeTable, now: float) -> list[AnyPath]:
    """Parquet files that no snapshot of the last seven days has."""
    hours = max(int((KEPT_FILES - (now - time.time())) // 3600), 0)
    found = table.vacuumable(hours)
    return sorted(table.folder / name for name in found if (table.folder / name).exists())


def stray_files(table: LakeTable) -> list[AnyPath]:
    """Every Parquet file that the newest snapshot doesn't have, whatever its age."""
    known = {any_path(file.path) for file in table.snapshot().files}
    return sorted(path for path in parquet_files(table.folder) if path not in known)


def parquet_files(folder: AnyPath) -> list[AnyPath]:
    """The Parquet files of a table, old ones among them; not those of its log, nor what was set aside."""
    dated = [path for path in folder.glob("_date=*/*.parquet") if path.is_file()]
    return [*(path for path in folder.glob("*.parquet") if path.is_file()), *dated]


def is_old(path: AnyPath, now: float, age: float) -> bool:
    """Whether a file was written so many seconds ago."""
    return path.stat().st_mtime < now - age


def delete(paths: Sequence[AnyPath]) -> int:
    """Delete files durably, in their order; gives how many bytes they held."""
    size = sum(path.stat().st_size for path in paths)
    for path in paths:
        path.unlink()
    sync_all({path.parent for path in paths})
    return size


def sync_all(folders: Iterable[AnyPath]) -> None:
    """Write the entries of folders through to the disk; one that is empty goes."""
    for folder in sorted(folders):
        if isinstance(folder, Remote):
            continue
        sync_folder(folder)
        if folder.name.startswith("_date=") and not any(folder.iterdir()):
            folder.rmdir()
            sync_folder(folder.parent)
