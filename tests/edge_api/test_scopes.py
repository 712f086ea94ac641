"""What a token may do: scopes, the roles that allow them, and how they are kept and shown."""

from __future__ import annotations

import pytest

from edge_api.accounts import AccountError, create_token, list_tokens, update_user
from edge_api.scopes import ROLES, SCOPES, SCOPES_OF_ROLE, Role, ScopeError, chosen_scopes, granted_scopes
from tests.edge_api.kit import Person, World, mp4


def test_each_role_adds_to_the_one_before() -> None:
    assert SCOPES_OF_ROLE["uploader"] < SCOPES_OF_ROLE["moderator"] < SCOPES_OF_ROLE["admin"] == set(SCOPES)
    assert set(SCOPES_OF_ROLE) == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_token_without_scopes_of_its_own_has_all_of_the_role(role: Role) -> None:
    assert chosen_scopes(role, []) is None
    assert granted_scopes(role, None) == SCOPES_OF_ROLE[role]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_is_given_as_far_as_the_role_goes(role: Role, scope: str) -> None:
    if scope in SCOPES_OF_ROLE[role]:
        assert granted_scopes(role, chosen_scopes(role, [scope])) == {scope}
    else:
        with pytest.raises(ScopeError, match=f"{scope} is not for the role {role}"):
            chosen_scopes(role, [scope])


def test_scopes_are_kept_in_one_order_and_once() -> None:
    assert chosen_scopes("admin", ["review", "fingerprint:read", "review"]) == "fingerprint:read review"


def test_a_scope_that_there_is_not() -> None:
    with pytest.raises(ScopeError, match="There is no scope fingerprint:all; there are fingerprint:read,"):
        chosen_scopes("admin", ["fingerprint:all"])


def test_what_is_kept_never_exceeds_the_role_nor_invents() -> None:
    assert granted_scopes("uploader", "fingerprint:read review admin nonsense") == {"fingerprint:read"}
    assert granted_scopes("admin", "") == set()


async def limited(world: World, user: str, *scopes: str) -> Person:
    issued = await create_token(world.env.db, user=user, name=None, expires=None, scopes=scopes)
    return Person("", user, issued.token)


async def test_the_answer_names_what_is_missing(world: World) -> None:
    reader = await limited(world, "alice", "fingerprint:read")
    answer = await world.upload(mp4(), reader)
    assert answer.status_code == 403
    body = answer.json()
    assert (body["code"], body["scope"]) == ("MISSING_SCOPE", "fingerprint:write")
    assert "fingerprint:write" in body["error"]
    assert await world.nothing_is_left()
    assert (await world.get("/api/videos", reader)).status_code == 200


async def test_the_answer_names_the_role_when_no_token_would_do(world: World) -> None:
    video_id = await world.uploaded(mp4())
    answer = await world.client.post(f"/api/videos/{video_id}/review", json={}, headers=world.alice.headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["scope"]) == (403, "FORBIDDEN", "review")
    assert "moderator or admin" in answer.json()["error"]


async def test_only_review_and_admin_show_everybodys_videos(world: World) -> None:
    video_id = await world.uploaded(mp4())
    for user, scopes, status in (
        ("moderator", ("fingerprint:read",), 404),
        ("moderator", ("fingerprint:read", "review"), 200),
        ("admin", ("fingerprint:read",), 404),
        ("admin", ("fingerprint:read", "admin"), 200),
    ):
        person = await limited(world, user, *scopes)
        assert (await world.get(f"/api/videos/{video_id}", person)).status_code == status, (user, scopes)
        assert (await world.get("/api/videos", person)).json()["total"] == (status == 200), (user, scopes)


async def test_who_loses_a_role_loses_it_in_every_token(world: World) -> None:
    video_id = await world.uploaded(mp4())
    token = await limited(world, "moderator", "fingerprint:read", "review")
    await update_user(world.env.db, "moderator", role="uploader")
    for person in (token, world.moderator):
        assert (await world.get(f"/api/videos/{video_id}", person)).status_code == 404


async def test_a_token_from_before_there_were_scopes(world: World) -> None:
    await world.run("UPDATE api_tokens SET scopes = NULL")
    assert (await world.upload(mp4())).status_code == 200


async def test_the_list_says_what_each_may_do(world: World) -> None:
    await create_token(world.env.db, user="bob", name="reader", expires=None, scopes=["fingerprint:read"])
    listed = {row["name"] or row["username"]: row["scopes"] for row in await list_tokens(world.env.db)}
    assert listed["reader"] == "fingerprint:read"
    assert listed["alice"] == "fingerprint:read fingerprint:write fingerprint:delete"
    assert listed["admin"] == " ".join(SCOPES)


async def test_no_token_beyond_its_user(world: World) -> None:
    with pytest.raises(AccountError, match="review is not for the role uploader"):
        await create_token(world.env.db, user="alice", name=None, expires=None, scopes=["review"])
    assert len(await list_tokens(world.env.db)) == 4


async def test_the_last_admin_stays_one(world: World) -> None:
    with pytest.raises(AccountError, match="last admin"):
        await update_user(world.env.db, "admin", role="uploader")
    await update_user(world.env.db, "alice", role="admin")
    await update_user(world.env.db, "admin", role="uploader")
    with pytest.raises(AccountError, match="Nothing was given"):
        await update_user(world.env.db, "alice")
