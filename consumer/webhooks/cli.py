"""`python -m consumer webhooks`: targets, their secrets, and what was sent to them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable

from consumer.clock import moment, read_moment
from consumer.webhooks.addresses import addresses_of
from consumer.webhooks.delivery import Webhooks
from consumer.webhooks.sending import SendError
from consumer.webhooks.targets import WebhookTarget
from wire.webhooks import DELIVERY_STATUSES, KINDS, OVERLAP_SECONDS, TargetRefusedError, target_of
from wrangler_compat.errors import ConfigError

Act = Callable[[argparse.Namespace, Webhooks], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = verbs.add_parser("add", help="a new target; prints its secret, which is shown once")
    add.add_argument("url", metavar="URL", help="https, or http to a host in WEBHOOK_ALLOWED_HOSTS")
    add.add_argument("--kind", dest="kinds", action="append", choices=KINDS, default=[], help="default: all kinds")
    listing = verbs.add_parser("list", help="the targets")
    listing.add_argument("--json", action="store_true", help="as JSON")
    for name, help in (
        ("remove", "forget a target, its secrets and its deliveries"),
        ("rotate", f"a new secret; the old one signs too for {OVERLAP_SECONDS / 3600:g} hours"),
        ("test", "send a webhook.test now, and print the answer"),
    ):
        verbs.add_parser(name, help=help).add_argument("id", metavar="ID")
    replay = verbs.add_parser("replay", help="send notifications again, with their old ids")
    replay.add_argument("id", metavar="ID")
    replay.add_argument("--since", metavar="TIME", type=_moment, help="ISO 8601, such as 2026-11-21T08:00Z")
    replay.add_argument("--video", metavar="VIDEO_ID", default="", help="only those of one video")
    replay.add_argument("--failed", action="store_true", help="only those that failed")
    deliveries = verbs.add_parser("deliveries", help="what was sent, waits or failed; the latest first")
    deliveries.add_argument("id", metavar="ID", nargs="?", default="")
    deliveries.add_argument("--status", choices=DELIVERY_STATUSES, default="")
    deliveries.add_argument("--limit", metavar="N", type=int, default=50)
    deliveries.add_argument("--json", action="store_true", help="as JSON")


async def run(parsed: argparse.Namespace, webhooks: Webhooks) -> int:
    """The exit code: 0, or 1 when a test was not taken. Raises ConfigError."""
    actions: dict[str, Act] = {
        "add": _add,
        "list": _list,
        "remove": _remove,
        "rotate": _rotate,
        "replay": _replay,
        "test": _test,
        "deliveries": _deliveries,
    }
    return await actions[parsed.action](parsed, webhooks)


async def _add(parsed: argparse.Namespace, webhooks: Webhooks) -> int:
    try:
        await addresses_of(target_of(parsed.url, webhooks.sender.allowed_hosts), webhooks.sender.resolve)
    except (TargetRefusedError, OSError) as error:
        raise ConfigError(f"{parsed.url} cannot be a target: {error}") from error
    target_id, secret = await webhooks.targets.add(parsed.url, parsed.kinds)
    print(f"{target_id}\n{secret}\nThe secret is not shown again; the receiver needs it to check signatures.")
    return 0


async def _list(parsed: argparse.Namespace, webhooks: Webhooks) -> int:
    targets = await webhooks.targets.all()
    if parsed.json:
        told = [
            {"id": each.id, "url": each.url, "kinds": list(each.kinds), "disabled": each.disabled_reason}
            for each in targets
        ]
        print(json.dumps(told, indent=2))
        return 0
    for each in targets:
        disabled = f"  disabled: {each.disabled_reason}" if each.disabled_reason else ""
        print(f"{each.id}  {each.url}  {', '.join(each.kinds) or 'all kinds'}{disabled}")
    return 0


async def _remove(parsed: argparse.Namespace, webhooks: Webhooks) -> int:
    target = await _target(parsed, webhooks)
    await webhooks.targets.remove(target.id)
    print(f"{target.id} is removed")
    return 0


async def _rotate(parsed: argparse.Namespace, webhooks: Webhooks) -> int:
    target = await _target(parsed, webhooks)
    secret = await webhooks.targets.rotate(target.id)
    print(
        f"{secret}\nThe secret before it signs too for {OVERLAP_SECONDS / 3600:g} hours. This one is not shown again."
    )
    return 0


async def _replay(parsed: argparse.Namespace, webhooks: Webhooks) -> int:
    if not (parsed.since or parsed.video or parsed.failed):
        raise ConfigError("replay wants --since TIME, --video VIDEO_ID or --failed.")
    target = await _target(parsed, webhooks)
    count = await webhooks.replay(target, since=parsed.since or "", video_id=parsed.video, failed=parsed.failed)
    print(f"{count} are sent again by the running workers")
    return 0


async def _test(parsed: argparse.Namespace, webhooks: Webhooks) -> int:
    target = await _target(parsed, webhooks)
    try:
        answer = await webhooks.test(target)
    except SendError as error:
        print(f"{target.url}: {error}")
        return 1
    print(f"{target.url} {answer}")
    return 0 if answer.is_success else 1


async def _deliveries(parsed: argparse.Namespace, webhooks: Webhooks) -> int:
    rows = await webhooks.listed(parsed.id, parsed.status, max(1, parsed.limit))
    if parsed.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        why = f"  {row['last_error']}" if row["last_error"] else ""
        told = f"{row['kind']}  video {row['video_id']}"
        print(f"{row['told_at']}  {row['status']}  {row['attempts']} attempts  {row['target_id']}  {told}{why}")
    return 0


async def _target(parsed: argparse.Namespace, webhooks: Webhooks) -> WebhookTarget:
    target = await webhooks.targets.one(parsed.id)
    if target is None:
        raise ConfigError(f"There is no target {parsed.id}; `python -m consumer webhooks list` names them.")
    return target


def _moment(text: str) -> str:
    try:
        at = read_moment(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"must be a moment with its zone, such as 2026-11-21T08:00Z, not {text!r}")
    return moment(at)
