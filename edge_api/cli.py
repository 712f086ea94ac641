"""The commands of `python -m edge_api`."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import pwd
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn

from edge_api import accounts
from edge_api.audit import audit_rows
from edge_api.greeting import dev_token, greeting
from edge_api.main import app_of
from edge_api.protocol import bounded_protocol
from edge_api.scopes import MEANINGS, ROLES
from edge_api.settings import Settings, configuration, token_file
from wrangler_compat.config import describe_settings
from wrangler_compat.d1.types import D1Database, Row
from wrangler_compat.env import open_bindings
from wrangler_compat.errors import BindingError, ConfigError
from wrangler_compat.logs import uvicorn_log_config

DEFAULT_PORT = 8787
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"

GRACE_SECONDS = 10
"""How long requests under way, event streams above all, may go on after SIGTERM."""

NOT_STARTED = 3
"""The exit code of a gateway that could not open what it needs; the log says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 1 after a sentence on stderr."""
    options = _parser().parse_args(arguments)
    try:
        if options.run is None:
            _serve(options)
        else:
            asyncio.run(options.run(options))
    except (accounts.AccountError, ConfigError, BindingError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(options: argparse.Namespace) -> None:
    read = configuration()
    sockets = [_shared(options.host, options.port)] if options.share_port else None
    config = uvicorn.Config(
        app_of(read),
        host=options.host,
        port=options.port,
        loop="uvloop",
        http=bounded_protocol(
            max_connections=read.settings.max_connections, head_seconds=read.settings.request_head_seconds
        ),
        log_config=uvicorn_log_config(),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):
        server.run(sockets=sockets)
    if not server.started:
        sys.exit(NOT_STARTED)


def _shared(host: str, port: int) -> socket.socket:
    """A port that other gateways may listen on as well; the system deals connections out. It does not listen yet, so
    that nobody waits for this one to start. Raises ConfigError."""
    shared = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind((host, port))
    except OSError as error:
        shared.close()
        raise ConfigError(
            f"Port {port} of {host} cannot be shared ({error.strerror}); the other gateway needs --share-port as well."
        ) from error
    return shared


@asynccontextmanager
async def _database() -> AsyncIterator[D1Database]:
    """D1 alone: a command has no business with the other bindings."""
    read = configuration()
    worker = dataclasses.replace(read.worker, r2_buckets=(), queue_producers=(), ratelimits=(), slots=())
    async with open_bindings(worker, read.connections) as bindings:
        yield bindings["DB"]


async def _users_create(options: argparse.Namespace) -> None:
    async with _database() as db:
        print(
            await accounts.create_user(
                db, email=options.email, username=options.username, role=options.role, actor=_actor()
            )
        )


async def _users_update(options: argparse.Namespace) -> None:
    async with _database() as db:
        await accounts.update_user(
            db,
            options.user,
            role=options.role,
            quota_videos=options.quota_videos,
            quota_bytes=options.quota_bytes,
            actor=_actor(),
        )
    print(f"{options.user} is changed.")


async def _users_list(_: argparse.Namespace) -> None:
    async with _database() as db:
        _print_table(
            await accounts.list_users(db),
            ("id", "username", "email", "role", "quota_videos", "quota_bytes", "created_at"),
        )


async def _tokens_create(options: argparse.Namespace) -> None:
    async with _database() as db:
        issued = await accounts.create_token(
            db,
            user=options.user,
            name=options.name,
            expires=options.expires,
            scopes=[scope for given in options.scope for scope in given.split(",") if scope],
            actor=_actor(),
        )
    print(issued.token)
    print(f"This is token {issued.id}. It is shown this once; keep it safe.", file=sys.stderr)


async def _tokens_list(_: argparse.Namespace) -> None:
    async with _database() as db:
        rows = await accounts.list_tokens(db)
    _print_table(rows, ("id", "username", "name", "scopes", "created_at", "expires_at", "revoked_at"))


async def _tokens_revoke(options: argparse.Namespace) -> None:
    async with _database() as db:
        await accounts.revoke_token(db, options.id, actor=_actor())
    print(f"Token {options.id} no longer works.")


async def _audit(options: argparse.Namespace) -> None:
    async with _database() as db:
        rows = await audit_rows(
            db, subject=options.subject, actor=options.actor, action=options.action, limit=options.limit
        )
    if options.json:
        for row in rows:
            print(json.dumps({**row, "detail": json.loads(row["detail"])}))
    else:
        _print_table(rows, ("at", "actor", "action", "subject", "detail"))


async def _greet(options: argparse.Namespace) -> None:
    async with _database() as db:
        token = await dev_token(db, options.token_file)
    print(greeting(options.url.rstrip("/"), token), end="", flush=True)


def _actor() -> str:
    """Who runs this command, for the audit log."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"


def _print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    cells = [list(columns), *(["-" if row[name] is None else str(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge_api",
        description="Twinreel's gateway: serve it, and manage who may use it.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_users(commands)
    _add_tokens(commands)
    _add_audit(commands)
    greet = commands.add_parser(
        "greet", help="print the address, a token that works and a line to paste; makes the first admin when needed"
    )
    greet.add_argument("--url", default=DEFAULT_URL, help="where the gateway answers (default: %(default)s)")
    greet.add_argument(
        "--token-file",
        type=Path,
        default=token_file(),
        help="where the token is remembered, readable by its owner alone (default: %(default)s)",
    )
    greet.set_defaults(run=_greet)
    return parser


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="run the gateway with uvicorn")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on (default: %(default)s)")
    serve.add_argument(
        "--share-port",
        action="store_true",
        help="let other gateways listen on the same port: start the new one, then stop the old one",
    )
    serve.set_defaults(run=None)


def _add_users(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    users = commands.add_parser("users", help="create and list users").add_subparsers(required=True, metavar="COMMAND")
    create = users.add_parser("create", help="create a user and print their id")
    create.add_argument("--email", required=True)
    create.add_argument("--username", required=True)
    create.add_argument("--role", choices=ROLES, default="uploader", help="(default: %(default)s)")
    create.set_defaults(run=_users_create)
    update = users.add_parser("update", help="change a user's role or quotas")
    update.add_argument("user", help="an id, an e-mail or a user name")
    update.add_argument("--role", choices=ROLES)
    update.add_argument("--quota-videos", type=_quota, metavar="N", help="videos kept; 0: no limit, -1: QUOTA_VIDEOS")
    update.add_argument("--quota-bytes", type=_quota, metavar="N", help="bytes kept; 0: no limit, -1: QUOTA_BYTES")
    update.set_defaults(run=_users_update)
    users.add_parser("list", help="list all users").set_defaults(run=_users_list)


def _add_tokens(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    tokens = commands.add_parser("tokens", help="create, list and revoke tokens")
    actions = tokens.add_subparsers(required=True, metavar="COMMAND")
    create = actions.add_parser("create", help="create a token and print it, this once")
    create.add_argument("--user", required=True, help="an id, an e-mail or a user name")
    create.add_argument("--name", help="what the token is for")
    create.add_argument("--expires", help="30d, 12h or an ISO 8601 moment (default: never)")
    create.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="SCOPE",
        help="what it may do, may be given several times (default: all that the user's role allows): "
        + "; ".join(f"{scope}: {meaning}" for scope, meaning in MEANINGS.items()),
    )
    create.set_defaults(run=_tokens_create)
    actions.add_parser("list", help="list all tokens, without their text").set_defaults(run=_tokens_list)
    revoke = actions.add_parser("revoke", help="make a token stop working")
    revoke.add_argument("id", help="the token's id, as `tokens list` shows it")
    revoke.set_defaults(run=_tokens_revoke)


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = commands.add_parser("audit", help="show who overrode, deleted, created or revoked what, oldest first")
    audit.add_argument("--subject", help="only what was done to this video, user or token (its id)")
    audit.add_argument("--actor", help="only what user:ID, internal, cli:NAME, gateway or consumer did")
    audit.add_argument("--action", help="only this, such as video.review, video.delete, token.create, user.update")
    audit.add_argument("--limit", type=_count, default=100, help="the latest so many (default: %(default)s)")
    audit.add_argument("--json", action="store_true", help="one JSON object a line")
    audit.set_defaults(run=_audit)


def _quota(text: str) -> int:
    """Raises ArgumentTypeError."""
    if text != "-1" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no quota: a whole number, 0 for no limit, -1 for the setting's")
    return int(text)


def _count(text: str) -> int:
    """Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def _settings_help() -> str:
    lines = [f"  {about.name:26} {about.description}" for about in describe_settings(Settings)]
    return "Settings, in edge_api/wrangler.toml [vars] or the environment:\n" + "\n".join(lines)
