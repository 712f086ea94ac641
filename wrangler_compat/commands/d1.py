"""d1 migrations create, list, apply; d1 execute, backup, restore."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wrangler_compat.commands.context import Commands, Context, command, positive, subcommands, waiting
from wrangler_compat.config import D1DatabaseConfig
from wrangler_compat.connections import sqlite_path
from wrangler_compat.d1 import backup, migrations
from wrangler_compat.d1.checks import split
from wrangler_compat.d1.sqlite import open_sqlite
from wrangler_compat.d1.types import D1Database, D1Result
from wrangler_compat.errors import ConfigError

_PAGES_WORTH_TELLING = 50_000
_DATABASE = "binding or name of the database in wrangler.toml; may be left out when there is only one"


def add(commands: Commands) -> None:
    d1 = command(
        commands, "d1", "manage databases", example="d1 migrations apply DB\nd1 execute DB --command 'SELECT 1'"
    )
    kinds = subcommands(d1)
    _add_migrations(kinds)
    execute = command(
        kinds,
        "execute",
        "run SQL, all of it in one transaction",
        example="d1 execute DB --command 'SELECT status, count(*) FROM videos GROUP BY status'\n"
        "d1 execute DB --file fix.sql --json",
        run=waiting(_execute),
    )
    execute.add_argument("database", nargs="?", help=_DATABASE)
    source = execute.add_mutually_exclusive_group(required=True)
    source.add_argument("--command", metavar="SQL", help="statements, separated by semicolons")
    source.add_argument("--file", type=Path, metavar="PATH", help="a file of statements")
    execute.add_argument("--json", action="store_true", help="results and meta as JSON instead of tables")
    _add_backup(kinds)


def _add_backup(kinds: Commands) -> None:
    saving = command(
        kinds,
        "backup",
        "copy a database, in use or not, to one file, and check the copy",
        example="d1 backup\nd1 backup DB --output /mnt/backups/monday.sqlite\nd1 backup --keep 14",
        run=_backup,
    )
    saving.add_argument("database", nargs="?", help=_DATABASE)
    saving.add_argument(
        "--output", type=Path, metavar="PATH", help="the file (default: named after the time, in backups/ beside it)"
    )
    saving.add_argument(
        "--keep", type=positive, metavar="N", help="without --output: delete all but the newest N of backups/"
    )
    restoring = command(
        kinds,
        "restore",
        "make a database what a backup holds; the state before is kept beside it",
        example="d1 restore DB --from backups/twinreel-20261121T034014Z.sqlite",
        run=_restore,
    )
    restoring.add_argument("database", nargs="?", help=_DATABASE)
    restoring.add_argument("--from", dest="source", type=Path, metavar="PATH", required=True, help="the backup")
    restoring.add_argument(
        "--while-in-use",
        action="store_true",
        help="write into the database while web and worker use it, as one transaction (default: refused)",
    )


def _add_migrations(kinds: Commands) -> None:
    parser = command(
        kinds,
        "migrations",
        "create, list and apply migrations",
        example="d1 migrations list DB\nd1 migrations apply DB",
    )
    verbs = subcommands(parser)
    create = command(
        verbs, "create", "write the next, empty migration", example="d1 migrations create DB add_comments", run=_create
    )
    create.add_argument("database", nargs="?", help=_DATABASE)
    create.add_argument("message", help="what it does; becomes a part of its name")
    listing = command(
        verbs,
        "list",
        "list the migrations that the database has not had",
        example="d1 migrations list DB",
        run=waiting(_list),
    )
    listing.add_argument("database", nargs="?", help=_DATABASE)
    apply = command(
        verbs,
        "apply",
        "apply the migrations that the database has not had",
        example="d1 migrations apply DB",
        run=waiting(_apply),
    )
    apply.add_argument("database", nargs="?", help=_DATABASE)


def _create(options: argparse.Namespace, context: Context) -> int:
    path = migrations.create(_folder(_database(options, context)), options.message)
    context.line(f"Created {path}; write its SQL, then: python -m wrangler_compat d1 migrations apply")
    return 0


async def _list(options: argparse.Namespace, context: Context) -> None:
    config = _database(options, context)
    async with _opened(config, context) as database:
        pending = await migrations.pending(database, _folder(config), table=config.migrations_table)
    if not pending:
        context.line("No migrations to apply.")
    for path in pending:
        context.line(path.name)


async def _apply(options: argparse.Namespace, context: Context) -> None:
    config = _database(options, context)
    async with _opened(config, context) as database:
        done = await migrations.apply(database, _folder(config), table=config.migrations_table)
    for name in done:
        context.line(f"Applied {name}")
    if not done:
        context.line("No migrations to apply.")


async def _execute(options: argparse.Namespace, context: Context) -> None:
    sql = options.command if options.command is not None else _text(options.file)
    statements = split(sql)
    if not statements:
        raise ConfigError("There is no SQL to run.")
    async with _opened(_database(options, context), context) as database:
        results = await database.batch([database.prepare(statement) for statement in statements])
    if options.json:
        context.json([dataclasses.asdict(result) for result in results])
        return
    for result in results:
        _show(result, context)


def _backup(options: argparse.Namespace, context: Context) -> int:
    if options.keep is not None and options.output is not None:
        raise ConfigError("--keep goes without --output: it looks after the folder backups/.")
    database = _path(_database(options, context), context)
    folder = database.parent / "backups"
    output = options.output or folder / backup.backup_name(database)
    size = backup.backup(database, output, _progress(context))
    context.line(f"{output} ({size} bytes, checked)")
    for path in backup.prune(folder, database.stem, options.keep) if options.keep is not None else ():
        context.line(f"deleted {path}")
    return 0


def _restore(options: argparse.Namespace, context: Context) -> int:
    config = _database(options, context)
    database = _path(config, context)
    kept = backup.restore(options.source, database, while_in_use=options.while_in_use, progress=_progress(context))
    context.line(f"{database} is what {options.source} holds.")
    if kept is not None:
        context.line(f"What it was before is kept in {kept}.")
    context.line("Next: python -m wrangler_compat d1 migrations apply, for a backup of an older version.")
    return 0


def _progress(context: Context) -> backup.Progress:
    """A line for each tenth, once it takes long enough to be worth one."""
    told = 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        tenth = done * 10 // max(1, total)
        if total > _PAGES_WORTH_TELLING and tenth > told:
            told = tenth
            context.err.write(f"{tenth * 10} %\n")

    return tell


def _path(config: D1DatabaseConfig, context: Context) -> Path:
    return sqlite_path(context.connections().needed("DATABASE_URL", config.binding))


def _show(result: D1Result, context: Context) -> None:
    if result.results:
        context.table(result.results)
    context.line(f"({len(result.results)} rows, {result.meta.changes} changed, {result.meta.duration:.1f} ms)")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error


def _folder(config: D1DatabaseConfig) -> Path:
    return Path(config.migrations_dir)


@asynccontextmanager
async def _opened(config: D1DatabaseConfig, context: Context) -> AsyncIterator[D1Database]:
    async with open_sqlite(_path(config, context)) as database:
        yield database


def _database(options: argparse.Namespace, context: Context) -> D1DatabaseConfig:
    """The database that the user means: workers that share one declare it each."""
    declared = [database for worker in context.workers() for database in worker.d1_databases]
    meant = [one for one in declared if options.database in {None, one.binding, one.database_name}]
    names = sorted({database.database_name for database in declared})
    if not meant:
        raise ConfigError(
            f"No wrangler.toml declares a database {options.database or ''}; there is: {', '.join(names)}."
        )
    if len({database.database_name for database in meant}) > 1:
        raise ConfigError(f"There is more than one database; name the one you mean: {', '.join(names)}.")
    return meant[0]
