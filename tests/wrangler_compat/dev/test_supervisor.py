"""Children that live, die, hang, leave grandchildren: what the supervisor makes of each."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.wrangler_compat.dev.processes import MARK, marked
from wrangler_compat import supervisor as supervisor_module
from wrangler_compat.supervisor import ChildError, ChildSpec, Supervisor


class Stage:
    """A supervisor, what it said, and the children of this test alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.said: list[str] = []
        self.groups: list[int] = []
        self.noted: list[list[int]] = []

    def spec(self, name: str, script: str, *arguments: str, **options: object) -> ChildSpec:
        environ = {"PATH": os.environ["PATH"], MARK: self.mark, "PYTHONUNBUFFERED": "1"}
        argv = (sys.executable, "-c", script, *arguments)
        return ChildSpec(name=name, argv=argv, environ=environ, folder=self.folder, **options)  # type: ignore[arg-type]

    def note(self, groups: Iterable[int]) -> None:
        self.noted.append(list(groups))

    @asynccontextmanager
    async def supervisor(self, **options: float) -> AsyncIterator[Supervisor]:
        made = Supervisor(self.folder, self.said.append, note_groups=self.note, **options)  # type: ignore[arg-type]
        try:
            yield made
        finally:
            await made.stop()
        assert marked(self.mark) == []

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def until(is_so: Callable[[], bool]) -> None:
    """Looks again and again: what is waited for happens in another process."""
    async with asyncio.timeout(300):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


SLEEP = "import time; print('up'); time.sleep(60)"
NOTE_END = """
import pathlib, signal, sys, time
def end(*_):
    with open(sys.argv[1], "a") as file:
        file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[3]).touch()
time.sleep(60)
"""


async def test_children_are_stopped_gently_the_last_one_first(stage: Stage, tmp_path: Path) -> None:
    async with stage.supervisor() as supervisor:
        for name in ("one", "two", "three"):
            ready = tmp_path / f"{name}.ready"
            spec = stage.spec(name, NOTE_END, str(tmp_path / "ends"), name, str(ready), is_ready=ready.exists)
            await supervisor.start(spec)
            await supervisor.wait_ready(spec)
        assert len(marked(stage.mark)) == 3
    assert (tmp_path / "ends").read_text().split() == ["three", "two", "one"]
    assert len(stage.noted[2]) == 3
    assert stage.noted[-1] == []
    assert stage.said == []


async def test_output_is_logged_both_kinds(stage: Stage, tmp_path: Path) -> None:
    script = f"import sys; print('out'); print('err', file=sys.stderr); open({str(tmp_path / 'done')!r}, 'w'); " + SLEEP
    async with stage.supervisor() as supervisor:
        await supervisor.start(stage.spec("chatty", script))
        await until((tmp_path / "done").exists)
        await asyncio.sleep(0.1)
    assert sorted(stage.log("chatty").split()) == ["err", "out", "up"]


async def test_a_child_that_dies_is_started_again(stage: Stage, tmp_path: Path) -> None:
    script = f"""
import pathlib, sys, time
first, second = pathlib.Path({str(tmp_path / "first")!r}), pathlib.Path({str(tmp_path / "second")!r})
if not first.exists():
    first.touch()
    sys.exit(3)
second.touch()
time.sleep(60)
"""
    async with stage.supervisor() as supervisor:
        await supervisor.start(stage.spec("weak", script))
        await until((tmp_path / "second").exists)
    assert stage.said == ["weak ended with code 3; starting it again in 0.5 s."]


async def test_a_killed_child_is_started_again(stage: Stage) -> None:
    async with stage.supervisor() as supervisor:
        await supervisor.start(stage.spec("prey", SLEEP))
        [first] = stage.noted[-1]
        os.kill(first, signal.SIGKILL)
        await until(lambda: stage.noted[-1] not in ([first], []))
    assert stage.said == ["prey ended with signal SIGKILL; starting it again in 0.5 s."]


async def test_a_child_that_keeps_dying_is_a_failure(stage: Stage) -> None:
    async with stage.supervisor() as supervisor:
        await supervisor.start(stage.spec("hopeless", "print('no database'); raise SystemExit(7)"))
        with pytest.raises(ChildError) as raised:
            async with asyncio.timeout(60):
                await supervisor.failure()
    message = str(raised.value)
    assert "hopeless ended 3 times within 30 s, the last time with code 7." in message
    assert "It said last:\nno database" in message
    assert str(stage.folder / "hopeless.log") in message


async def test_its_last_words_are_of_this_run(stage: Stage) -> None:
    (stage.folder / "mute.log").write_text("words of the last run\n")
    async with stage.supervisor() as supervisor:
        await supervisor.start(stage.spec("mute", "raise SystemExit(1)"))
        with pytest.raises(ChildError, match="It said nothing"):
            await supervisor.failure()


async def test_deaths_far_apart_are_forgiven(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "DEATHS_WINDOW_SECONDS", 0.01)
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_SECONDS", 0.05)
    async with stage.supervisor() as supervisor:
        await supervisor.start(stage.spec("mortal", "pass"))
        failure = asyncio.create_task(supervisor.failure())
        await until(lambda: failure.done() or len(stage.said) > 4)
        assert not failure.done()
        failure.cancel()


async def test_one_that_never_becomes_ready(stage: Stage) -> None:
    async with stage.supervisor() as supervisor:
        spec = stage.spec("slow", SLEEP, is_ready=lambda: False, where=" at http://127.0.0.1:1")
        await supervisor.start(spec)
        await until(lambda: stage.log("slow") == "up\n")
        with pytest.raises(
            ChildError, match=r"slow did not become ready at http://127.0.0.1:1 within 0.2 s. It said last:\nup"
        ):
            await supervisor.wait_ready(spec, timeout_seconds=0.2)


async def test_waiting_for_one_ends_when_another_fails(stage: Stage) -> None:
    async with stage.supervisor() as supervisor:
        spec = stage.spec("slow", SLEEP, is_ready=lambda: False)
        await supervisor.start(spec)
        await supervisor.start(stage.spec("hopeless", "raise SystemExit(7)"))
        with pytest.raises(ChildError, match="hopeless"):
            await supervisor.wait_ready(spec)


async def test_a_program_that_is_not_there(stage: Stage) -> None:
    async with stage.supervisor() as supervisor:
        spec = ChildSpec("ghost", ("/no/such/program",), {}, stage.folder)
        with pytest.raises(ChildError, match="ghost cannot be started"):
            await supervisor.start(spec)


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"


async def test_a_stubborn_child_is_killed_after_the_grace(stage: Stage) -> None:
    async with stage.supervisor(stop_grace_seconds=0.3) as supervisor:
        await supervisor.start(stage.spec("stubborn", STUBBORN))
        await asyncio.sleep(0.5)
    assert marked(stage.mark) == []


async def test_hurry_kills_before_the_grace_is_over(stage: Stage) -> None:
    """By itself the child would live longer than anybody waits here."""
    async with asyncio.timeout(300), stage.supervisor(stop_grace_seconds=3600) as supervisor:
        await supervisor.start(stage.spec("stubborn", STUBBORN.replace("60", "600")))
        await until(lambda: stage.log("stubborn") == "up\n")
        asyncio.get_running_loop().call_later(0.2, supervisor.hurry)


GRANDCHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); "


async def test_grandchildren_go_with_their_parent(stage: Stage) -> None:
    async with stage.supervisor() as supervisor:
        await supervisor.start(stage.spec("parent", GRANDCHILD + SLEEP))
        await until(lambda: len(marked(stage.mark)) == 2)
    assert marked(stage.mark) == []


async def test_a_death_is_seen_though_a_grandchild_keeps_the_output_open(stage: Stage) -> None:
    async with stage.supervisor() as supervisor:
        await supervisor.start(stage.spec("parent", GRANDCHILD + "import time; time.sleep(0.5); raise SystemExit(5)"))
        with pytest.raises(ChildError, match="code 5"):
            async with asyncio.timeout(60):
                await supervisor.failure()


async def test_shell_work_is_told_as_a_group(stage: Stage, tmp_path: Path) -> None:
    ready, ends = tmp_path / "ready", tmp_path / "ends"
    script = tmp_path / "child.py"
    script.write_text(NOTE_END)
    line = f"true && {sys.executable} {script} {ends} inner {ready}; true"
    environ = {"PATH": os.environ["PATH"], MARK: stage.mark}
    async with stage.supervisor() as supervisor:
        spec = ChildSpec("shell", ("/bin/sh", "-c", line), environ, tmp_path, is_ready=ready.exists, is_shell_work=True)
        await supervisor.start(spec)
        await supervisor.wait_ready(spec)
        await asyncio.sleep(0.1)
    # The shell ends at the signal; its program may be killed right after, or had the time to say so.
    assert marked(stage.mark) == []


async def test_a_command_run_to_its_end(stage: Stage) -> None:
    async with stage.supervisor() as supervisor:
        await supervisor.run_to_end(stage.spec("release", "print('Applied 0001')"))
        assert stage.log("release") == "Applied 0001\n"
        with pytest.raises(ChildError, match=r"release ended with code 4. It said last:\nbroken SQL"):
            await supervisor.run_to_end(stage.spec("release", "print('broken SQL'); raise SystemExit(4)"))


async def test_stopping_nothing(stage: Stage) -> None:
    async with stage.supervisor():
        pass
