"""What can be wrong with the folder's files, its disk and the machine's clock. Each look raises, or says how it is."""

import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from postroad.administration.items import held
from postroad.cli.folder import reader_of, registry_of, settings_of
from postroad.cli.output import when
from postroad.dataformat import check_format, known_shards
from postroad.db.copying import check_database
from postroad.errors import ConfigError, StoreCorrupt
from postroad.layout import registry_url
from postroad.log.copying import check_pages
from postroad.log.schema import shard_path
from postroad.settings import FILE_NAME, Settings

LOOK_S = 10.0
"""How long one file is looked through for damage."""
_ALERTS = 1_000_000
CLOCK_SLACK_US = 60 * 1_000_000
"""What the clock may be behind the newest thing that it dated: corrections are smaller."""


def privacy(folder: Path) -> str:
    """Whether only those who should may look into the folder."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o007:
        raise ConfigError(f"everybody on this machine may look into it: chmod 700 {folder}")
    return f"{folder}, mode {mode:o}"


def registry(folder: Path) -> str:
    """Whether the registry can be read and is undamaged."""
    file = registry_url(folder, settings_of(folder))
    with _advice_on_damage(folder):
        with registry_of(folder) as opened:
            view = opened.view()
        whole = check_database(file, until=_over()) if isinstance(file, Path) else True
    return (
        f"version {view.version}: {len(view.providers)} providers, {len(view.subscriptions)} subscriptions, "
        f"{sum(s.kind == 'vehicle' and not s.removed for s in view.subjects.values())} vehicles" + _partly(whole)
    )


def answers(folder: Path, settings: Settings) -> str:
    """Whether the registry answers as fast as deliveries need it to."""
    within_s = settings.delivery.registry_within_s
    with registry_of(folder) as opened:
        began_s = time.monotonic()
        opened.view()
        took_s = time.monotonic() - began_s
    if took_s > within_s / 2:
        raise ConfigError(
            f"it took {took_s:.1f} s to read, and nothing is sent once {within_s:g} s have passed without an answer: "
            "see to the database, or raise delivery.registry_within_s"
        )
    return f"after {took_s:.3f} s; nothing is sent once {within_s:g} s have passed without an answer"


def shard(folder: Path, number: int) -> str:
    """Whether a shard can be read and is undamaged."""
    with _advice_on_damage(folder), reader_of(folder, number) as reader:
        whole = check_pages(shard_path(folder, number), number, until=_over())
        heads = reader.heads()
        reader.read(heads.first_position, max_bytes=1)
    return f"epoch {heads.epoch}, {held(heads)}" + _partly(whole)


def end(folder: Path, number: int) -> str:
    """Whether the shard's end is there: its write-ahead log may have been cut off, or taken away."""
    with registry_of(folder) as opened:
        seen = opened.seen_end(number)  # before the shard is read: a running hub only ever moves on
    with reader_of(folder, number) as reader:
        heads = reader.heads()
    if seen > heads.next_position:
        raise StoreCorrupt(
            f"the shard ends before position {heads.next_position}, but {seen} was reached: its write-ahead log, "
            f"{shard_path(folder, number).name}-wal, was cut off or is missing. If you have it, stop the hub and put "
            "it back; otherwise start the hub: it goes on above all positions in a new epoch"
        )
    return f"all there up to position {heads.next_position - 1}" if heads.next_position > 1 else "nothing stored yet"


def disk(folder: Path, settings: Settings) -> str:
    """Whether there is room."""
    free = shutil.disk_usage(folder).free
    reserve = settings.log.reserve_bytes
    told = f"{free / 1e9:.1f} GB free, reserve {reserve / 1e9:.2f} GB"
    if free < reserve:
        raise ConfigError(f"{told}: the hub answers 503 until there is room; lower log.max_bytes or free some disk")
    if free < 2 * reserve:
        raise ConfigError(f"{told}: nearly full")
    return told


def backlog(folder: Path) -> str:
    """Whether what waits to be delivered takes so much of ``log.max_bytes`` that events may soon be lost."""
    with registry_of(folder) as opened:
        alerts = {alert.kind: alert for alert in opened.alerts(open_only=True, limit=_ALERTS)}
    if "backlog_high" in alerts:
        raise ConfigError(f"{alerts['backlog_high'].about}: {alerts['backlog_high'].detail}")
    if "backlog_half" in alerts:
        return f"look at {alerts['backlog_half'].about}: {alerts['backlog_half'].detail}"
    return "less than half of log.max_bytes waits to be delivered, when the hub last looked"


def clock(folder: Path, now_us: int) -> str:
    """Whether the clock stands behind what it dated before."""
    dated = {FILE_NAME: (folder / FILE_NAME).stat().st_mtime_ns // 1000}
    for number in known_shards(check_format(folder)):
        if shard_path(folder, number).exists():
            with reader_of(folder, number) as reader:
                dated[f"shard {number}"] = reader.last_stored_us() or 0
    newest = max(dated, key=lambda name: dated[name])
    if dated[newest] > now_us + CLOCK_SLACK_US:
        raise ConfigError(
            f"it is {when(now_us)} by this machine's clock, but {newest} was written at {when(dated[newest])}: "
            "the clock is wrong now, or was then; set it and keep it right (NTP)"
        )
    return when(now_us)


@contextmanager
def _advice_on_damage(folder: Path) -> Iterator[None]:
    try:
        yield
    except StoreCorrupt as exc:
        raise StoreCorrupt(
            f"{exc}; stop the hub, keep a copy of the folder, and restore a backup: "
            f"postroad restore BACKUP --force --data {folder}"
        ) from exc


def _over() -> Callable[[], bool]:
    """Says when the time for looking through one file is over."""
    until_s = time.monotonic() + LOOK_S
    return lambda: time.monotonic() > until_s


def _partly(whole: bool) -> str:
    return "" if whole else f"; looked for damage for {LOOK_S:.0f} s, not at every page"
