"""The database seam: what it sets, what it refuses, what becomes of foreign exceptions."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from postroad.db.engine import Database, sqlite_url
from postroad.errors import ConfigError, StoreCorrupt, StoreUnavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "odd name?#%.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(path))
    yield database
    database.close()


def test_sqlite_is_set_up_to_lose_nothing(database: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    with database.read() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    assert found == wanted


def test_the_files_are_for_their_owner_alone(database: Database, path: Path) -> None:
    with database.write() as transaction:
        transaction.connection.exec_driver_sql("CREATE TABLE t (a)")
        files = list(path.parent.iterdir())
        assert len(files) == 3
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_block_that_raises_leaves_nothing_not_even_a_table(database: Database) -> None:
    def fail() -> None:
        with database.write() as transaction:
            transaction.connection.exec_driver_sql("CREATE TABLE t (a)")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.read() as connection:
        assert sa.inspect(connection).get_table_names() == []


def test_a_snapshot_does_not_see_what_is_written_meanwhile(database: Database) -> None:
    with database.write() as transaction:
        transaction.connection.exec_driver_sql("CREATE TABLE t (a)")
    count = sa.text("SELECT count(*) FROM t")
    with database.read() as connection:
        assert connection.execute(count).scalar() == 0
        with database.write() as transaction:
            transaction.connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert connection.execute(count).scalar() == 0


def test_a_database_that_another_holds_is_locked(database: Database, path: Path) -> None:
    @sa.event.listens_for(database.engine, "connect")
    def impatient(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 0").close()

    with database.read():
        pass  # connects, before anybody is in the way
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnavailable) as caught, database.write():
        pass
    other.close()
    assert caught.value.reason == "locked"


def test_a_full_disk_is_called_so(database: Database) -> None:
    def fill() -> None:
        with database.write() as transaction:
            transaction.connection.exec_driver_sql("CREATE TABLE t (a)")
            transaction.connection.exec_driver_sql("PRAGMA max_page_count = 3")
            transaction.connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(100000))")

    with pytest.raises(StoreUnavailable) as caught:
        fill()
    assert caught.value.reason == "disk_full"


def test_a_file_that_is_no_database_is_corrupt(database: Database, path: Path) -> None:
    path.write_bytes(b"not a database, whatever its name says " * 100)
    with pytest.raises(StoreCorrupt), database.read():
        pass


def test_no_parameter_of_a_statement_is_quoted_in_an_error(database: Database) -> None:
    with pytest.raises(StoreUnavailable) as caught, database.write() as transaction:
        transaction.connection.execute(sa.text("INSERT INTO nosuch VALUES (:secret)"), {"secret": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_server_that_does_not_answer_is_lost_and_its_password_not_told() -> None:
    database = Database("postgresql+psycopg://user:hunter2@127.0.0.1:1/registry")
    with pytest.raises(StoreUnavailable) as caught, database.read():
        pass
    assert caught.value.reason == "lost"
    assert "hunter2" not in str(caught.value)
    database.close()


@pytest.mark.service
def test_connections_that_the_server_closed_are_replaced(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.read() as connection:
        pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    other = Database(postgres_url)
    with other.write() as transaction:
        transaction.connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    with database.read() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    database.close()
    other.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("hunter2", "cannot be read"),
        ("postgresql+psycopg://u:hunter2@host:port/x", "cannot be read"),
        ("mysql://u:hunter2@host/x", "of the kind mysql are not supported"),
        ("postgresql://u:hunter2@host/x", "of the kind postgresql are not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_quoting_it(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)


def test_another_process_that_comes_and_goes_does_not_take_the_log_away(database: Database, path: Path) -> None:
    """A process keeps its locks on the file when it opens a further connection.

    Otherwise the other process, on closing, would think itself the last and remove the write-ahead log; the two would
    then see different databases.
    """
    with database.write() as transaction:
        transaction.connection.exec_driver_sql("CREATE TABLE t (a)")
    with database.read() as first, database.read() as second:  # a second connection is made beside the first
        assert first.connection.driver_connection is not second.connection.driver_connection
    other = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('INSERT INTO t VALUES (1)'); c.commit()"
    subprocess.run([sys.executable, "-c", other + "; c.close()", str(path)], check=True)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 1
    with database.write() as transaction:
        transaction.connection.exec_driver_sql("INSERT INTO t VALUES (2)")
    seen = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM t').fetchone()[0])"
    told = subprocess.run([sys.executable, "-c", seen, str(path)], check=True, capture_output=True, text=True)
    assert told.stdout == "2\n"
