"""Every route as every kind of caller once more, by a session: nothing is reachable that a token would not reach."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from edge_api.accounts import create_token, revoke_token
from edge_api.errors import ERRORS
from edge_api.keys import timestamp
from edge_api.scopes import SCOPES_OF_ROLE
from tests.edge_api.console.visits import ORIGIN, visit_with
from tests.edge_api.kit import World
from tests.edge_api.test_access import ALL, Call, Rule, allowed, ask, prepared, refused, state

CALLERS = ("alice", "bob", "moderator", "admin", "lacking", "only", "expired", "revoked")


async def cookies_of(world: World, rule: Rule, caller: str) -> dict[str, str]:
    """A session of such a caller, and what their own page would send."""
    user = {"uploader": "alice", "moderator": "moderator", "admin": "admin"}[rule.role]
    scopes: Iterable[str] = ()
    if caller == "lacking":
        scopes = SCOPES_OF_ROLE[rule.role] - {rule.scope}
    elif caller == "only":
        scopes = [rule.scope or "fingerprint:read"]
    elif caller in ("alice", "bob", "moderator", "admin"):
        user = caller
    issued = await create_token(world.env.db, user=user, name=None, expires=None, scopes=scopes)
    visit = await visit_with(world, issued)
    if caller == "expired":
        past = timestamp(datetime.now(UTC) - timedelta(seconds=1))
        await world.run("UPDATE api_tokens SET expires_at = ?1 WHERE id = ?2", past, issued.id)
    if caller == "revoked":
        await revoke_token(world.env.db, issued.id)
    return {"Cookie": f"twinreel={visit.session_id}", "X-CSRF-Token": visit.csrf, "Origin": ORIGIN}


@pytest.mark.parametrize(
    ("call", "caller"), allowed(CALLERS), ids=lambda each: each if isinstance(each, str) else " ".join(each)
)
async def test_matrix_of_those_who_may(world: World, call: Call, caller: str) -> None:
    rule = ALL[call]
    video_id = await prepared(world, call)
    answer = await ask(world, call, video_id, await cookies_of(world, rule, caller))
    expected = {rule.success, 303} if call == ("GET", "/sign-in") else {rule.success}
    assert answer.status_code in expected, answer.text


@pytest.mark.parametrize("call", [call for call in ALL if refused(call, CALLERS)], ids=" ".join)
async def test_matrix_of_those_who_may_not(world: World, call: Call) -> None:
    """One after the other, for a refusal changes nothing."""
    rule = ALL[call]
    video_id = await prepared(world, call)
    callers = {caller: await cookies_of(world, rule, caller) for caller in refused(call, CALLERS)}
    before = await state(world)
    for caller, headers in callers.items():
        answer, expected = await ask(world, call, video_id, headers), rule.answer(caller)
        expected = "SESSION_ENDED" if expected == "INVALID_TOKEN" else expected
        assert answer.status_code == ERRORS[expected].status, caller
        # The answer to a HEAD has no body.
        assert call[0] == "HEAD" or answer.json()["code"] == expected, caller
        assert await state(world) == before, f"a refusal changes nothing: {caller}"
