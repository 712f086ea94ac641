"""A supervisor that ends without a word: its groups are ended, others left alone."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.wrangler_compat.dev.processes import wait_until
from wrangler_compat import watchdog

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
WILLING = "import time; print('up', flush=True); time.sleep(60)"


@contextmanager
def group(script: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    with process.stdout as output:
        try:
            assert output.readline() == b"up\n"
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def watching(grace_seconds: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, watchdog.__file__, grace_seconds], stdin=subprocess.PIPE)
    assert process.stdin is not None
    with process.stdin:
        yield process
    process.wait(60)


def tell(process: subprocess.Popen[bytes], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text.encode())
    process.stdin.flush()


def has_heard(process: subprocess.Popen[bytes]) -> bool:
    """Nothing of what it was told is in the pipe any more."""
    assert process.stdin is not None
    unread = fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4))
    return int.from_bytes(unread, sys.byteorder) == 0


def test_the_end_of_its_input_ends_the_groups_it_watches() -> None:
    with group(WILLING) as first, group(WILLING) as second, group(WILLING) as released:
        with watching("0.5") as dog:
            tell(dog, f"+{first.pid}\n+{second.pid}\n+{released.pid}\n-{released.pid}\n")
            assert first.poll() is None
        assert first.wait(60) == -15
        assert second.wait(60) == -15
        assert released.poll() is None


def test_what_does_not_listen_is_killed_after_the_grace() -> None:
    with group(STUBBORN) as stubborn:
        began = time.monotonic()
        with watching("0.3") as dog:
            tell(dog, f"+{stubborn.pid}\n")
        assert stubborn.wait(60) == -9
        assert time.monotonic() - began >= 0.3


def test_signals_do_not_end_it() -> None:
    with group(WILLING) as child, watching("0.5") as dog:
        tell(dog, f"+{child.pid}\n")
        wait_until(lambda: has_heard(dog))
        dog.terminate()
        time.sleep(0.2)
        assert dog.poll() is None


def test_a_group_that_is_gone_already() -> None:
    with group(WILLING) as child:
        child.kill()
        child.wait()
        assert not watchdog.is_alive(child.pid)
        watchdog.end({child.pid}, 1)


def test_a_group_is_alive_while_a_grandchild_is() -> None:
    script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WILLING!r}])"
    leader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert leader.stdout is not None
    with leader.stdout as output:
        assert output.readline() == b"up\n"
        leader.wait(60)
        assert watchdog.is_alive(leader.pid)
        watchdog.end({leader.pid}, 5)
        wait_until(lambda: not watchdog.is_alive(leader.pid))
