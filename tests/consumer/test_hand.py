from __future__ import annotations

import asyncio

from consumer.hand import Hand


class Work:
    """Notes who is in hand, and what each was told."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.inside: set[str] = set()
        self.most: dict[str, int] = {}
        self.told: dict[str, bool] = {}

    async def do(self, name: str, *, alone: bool = False, until: asyncio.Event | None = None) -> None:
        async with self.hand.hold(alone=alone) as has_others:
            self.told[name] = has_others
            self.inside.add(name)
            for each in self.inside:
                self.most[each] = max(self.most.get(each, 0), len(self.inside))
            await (until.wait() if until is not None else asyncio.sleep(0.01))
            self.inside.remove(name)


async def test_jobs_are_done_side_by_side() -> None:
    work = Work(Hand())
    await asyncio.gather(*(work.do(str(n)) for n in range(4)))
    assert work.most["3"] == 4
    assert work.told == {"0": False, "1": True, "2": True, "3": True}


async def test_a_suspect_is_alone_and_the_others_wait() -> None:
    work = Work(Hand())
    names = ["a", "b", "suspect", "c", "other suspect", "d"]
    await asyncio.gather(*(work.do(name, alone="suspect" in name) for name in names))
    assert set(work.told) == set(names)
    for name in ("suspect", "other suspect"):
        assert work.most[name] == 1
        assert work.told[name] is False
    assert work.most["a"] == 2


async def test_a_suspect_does_not_wait_for_ever_for_a_long_job() -> None:
    work, ends = Work(Hand(patience_seconds=0.05)), asyncio.Event()
    long = asyncio.create_task(work.do("long", until=ends))
    await asyncio.sleep(0)
    await work.do("suspect", alone=True)
    assert work.told["suspect"] is True
    await work.do("next")
    assert "next" in work.told
    ends.set()
    await long
    await work.do("suspect again", alone=True)
    assert work.told["suspect again"] is False


async def test_a_suspect_that_is_cancelled_while_it_waits_holds_up_nobody() -> None:
    work, ends = Work(Hand()), asyncio.Event()
    long = asyncio.create_task(work.do("long", until=ends))
    await asyncio.sleep(0)
    suspect = asyncio.create_task(work.do("suspect", alone=True))
    await asyncio.sleep(0.01)
    suspect.cancel()
    await asyncio.wait([suspect])
    async with asyncio.timeout(60):
        await work.do("next")
    ends.set()
    await long
    assert "suspect" not in work.told


async def test_a_suspect_that_fails_gives_its_place_back() -> None:
    hand = Hand()
    try:
        async with hand.hold(alone=True):
            raise ValueError("as jobs do")
    except ValueError:
        pass
    async with asyncio.timeout(60), hand.hold(alone=False) as has_others:
        assert not has_others
