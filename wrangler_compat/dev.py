"""`python -m wrangler_compat dev`: everything on one machine, on loopback, in one terminal, from one folder of state.

Starts the bundled servers that no URL in the environment replaces, then the Procfile: release to its end, the others
until Ctrl-C. What dies is started again; what keeps dying, or does not become ready, ends everything with a sentence.
"""

from __future__ import annotations

import asyncio
import dataclasses
import http.client
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wrangler_compat import ports, procfile
from wrangler_compat.connections import CONNECTION_NAMES, Connections, connections_from
from wrangler_compat.errors import ConfigError
from wrangler_compat.plan import Plan, find_workers, make_plan
from wrangler_compat.r2.sidecar import bucket_for
from wrangler_compat.servers import Program, ProgramError, chroma_program, redis_program, s3_program
from wrangler_compat.servers.s3 import make_bucket, sweep
from wrangler_compat.state import State
from wrangler_compat.supervisor import STOP_GRACE_SECONDS, ChildError, ChildSpec, Supervisor

PREFERRED_PORTS = {"redis": 16379, "s3": 19000, "chroma": 18000}


@dataclass(frozen=True, slots=True)
class DevOptions:
    """root: the folder of the Procfile. port: of the public process; None: the one its wrangler.toml says."""

    root: Path
    state: Path
    port: int | None = None
    stop_grace_seconds: float = STOP_GRACE_SECONDS


def run_dev(options: DevOptions, environ: Mapping[str, str]) -> int:
    """Runs until SIGINT, SIGTERM or a failure; the exit code."""
    state = State(options.state)
    try:
        plan = make_plan(
            procfile.read(options.root / "Procfile"), find_workers(options.root, environ), port=options.port
        )
        state.make()
        with state.locked() as lock:
            _check_public_port(plan)
            return asyncio.run(_Dev(options, plan, state, environ, lock).run())
    except (ConfigError, ChildError, ProgramError) as error:
        print(f"dev: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        # Before the first child was started.
        return 130


class _Dev:
    def __init__(self, options: DevOptions, plan: Plan, state: State, environ: Mapping[str, str], lock: int) -> None:
        self._options = options
        self._plan = plan
        self._state = state
        self._environ = {**plan.vars, **environ, "PATH": _path(environ), "PYTHONUNBUFFERED": "1", "HOST": "127.0.0.1"}
        self._lock = lock
        self._taken: set[int] = {app.port for app in plan.apps if app.is_public}

    async def run(self) -> int:
        supervisor = Supervisor(
            self._state.logs,
            _say,
            lock=self._lock,
            note_groups=self._state.note_children,
            stop_grace_seconds=self._options.stop_grace_seconds,
        )
        asked = _stop_signals(supervisor.hurry)
        working = asyncio.create_task(self._work(supervisor))
        asking = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({working, asking}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            for task in (working, asking):
                task.cancel()
            await asyncio.gather(working, asking, return_exceptions=True)
            _say("Stopping.")
            await supervisor.stop()
            self._state.unpublish()
        return 0

    async def _work(self, supervisor: Supervisor) -> None:
        for check in self._plan.checks:
            await self._check(check)
        connections = await self._start_servers(supervisor)
        self._state.publish(connections.to_environ())
        secrets = self._state.secrets([name for name in self._plan.secrets if name not in self._environ])
        environ = {**self._environ, **connections.to_environ(), **secrets}
        if self._plan.release is not None:
            await supervisor.run_to_end(self._spec("release", self._plan.release, environ))
        url = await self._start_apps(supervisor, environ)
        for greet in self._plan.greets:
            _say(
                (await self._output(greet, {**environ, "DEV_URL": url, "DEV_STATE": str(self._state.folder)})).rstrip()
            )
        _say("Logs:  python -m wrangler_compat tail      Stop: Ctrl-C")
        await supervisor.failure()

    async def _start_servers(self, supervisor: Supervisor) -> Connections:
        given = connections_from(self._environ)
        secrets = self._state.secrets(["R2_ACCESS_KEY", "R2_SECRET_KEY"])
        programs: list[Program] = []
        if not given.redis_url:
            programs.append(redis_program(self._state.redis, self._port("redis")))
            given = dataclasses.replace(given, redis_url=programs[-1].url)
        if not given.r2_endpoint:
            keys = given.r2_access_key or secrets["R2_ACCESS_KEY"], given.r2_secret_key or secrets["R2_SECRET_KEY"]
            programs.append(s3_program(self._state.s3, self._port("s3"), *keys))
            self._prepare_buckets(given)
            given = dataclasses.replace(
                given,
                r2_endpoint=programs[-1].url,
                r2_access_key=keys[0],
                r2_secret_key=keys[1],
                # rclone forgets metadata when it restarts.
                r2_metadata="sidecar",
            )
        if not given.chroma_url:
            programs.append(chroma_program(self._state.chroma, self._port("chroma")))
            given = dataclasses.replace(given, chroma_url=programs[-1].url)
        if not given.database_url:
            given = dataclasses.replace(given, database_url=f"sqlite:///{self._state.database}")
        _say(f"Starting {', '.join([program.name for program in programs] + [app.name for app in self._plan.apps])}.")
        specs = [
            ChildSpec(
                name=program.name,
                argv=program.argv,
                environ={**self._environ, **program.environ},
                folder=self._state.folder,
                is_ready=program.is_ready,
                where=f" at {program.url}",
            )
            for program in programs
        ]
        await _start_all(supervisor, specs)
        return given

    def _prepare_buckets(self, given: Connections) -> None:
        sweep(self._state.s3)
        for bucket in [given.r2_bucket] if given.r2_bucket else self._plan.buckets:
            make_bucket(self._state.s3, bucket)
            make_bucket(self._state.s3, bucket_for(bucket))

    async def _start_apps(self, supervisor: Supervisor, environ: Mapping[str, str]) -> str:
        """The public address."""
        chosen = {app.name: app.port if app.is_public else self._choose(app.port) for app in self._plan.apps}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in chosen.items()}
        known = {variable: urls[app.name] for app in self._plan.apps for variable in app.url_variables}
        specs = []
        for app in self._plan.apps:
            own = {**environ, **known, app.port_variable: str(chosen[app.name])}
            if app.is_service:
                own = {name: value for name, value in own.items() if name not in CONNECTION_NAMES}
            specs.append(self._spec(app.name, app.command, own, chosen[app.name] if app.has_readyz else None))
        await _start_all(supervisor, specs)
        public = [urls[app.name] for app in self._plan.apps if app.is_public]
        return public[0] if public else ""

    def _spec(self, name: str, command: str, environ: Mapping[str, str], port: int | None = None) -> ChildSpec:
        return ChildSpec(
            name=name,
            argv=procfile.argv(command),
            environ=environ,
            folder=self._options.root,
            is_ready=None if port is None else lambda: _answers(port),
            where="" if port is None else f" at http://127.0.0.1:{port}/readyz",
            is_shell_work=procfile.is_shell_work(command),
        )

    async def _check(self, command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *procfile.argv(command), cwd=self._options.root, env=self._environ, stdin=asyncio.subprocess.DEVNULL
        )
        if await process.wait() != 0:
            raise ChildError(f"A check before the start failed, see above: {command}")

    async def _output(self, command: str, environ: Mapping[str, str]) -> str:
        process = await asyncio.create_subprocess_exec(
            *procfile.argv(command),
            cwd=self._options.root,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise ChildError(f"The greeting failed, see above: {command}")
        return output.decode()

    def _port(self, name: str) -> int:
        return self._choose(PREFERRED_PORTS[name])

    def _choose(self, preferred: int) -> int:
        port = ports.choose(preferred, but_not=self._taken)
        self._taken.add(port)
        return port


async def _start_all(supervisor: Supervisor, specs: Sequence[ChildSpec]) -> None:
    for spec in specs:
        await supervisor.start(spec)
    for spec in specs:
        await supervisor.wait_ready(spec)


def _check_public_port(plan: Plan) -> None:
    for app in plan.apps:
        if app.is_public and not ports.is_free(app.port):
            holder = ports.holder_of(app.port)
            raise ConfigError(
                f"Port {app.port}, which {app.name} is to listen on, is taken"
                f"{f' by {holder}' if holder else ', perhaps by another run of this'}. Stop that, or choose another "
                f"port: python -m wrangler_compat dev --port {ports.choose(app.port + 1)}"
            )


def _stop_signals(again: Callable[[], None]) -> asyncio.Event:
    """Set by the first SIGINT, SIGTERM or SIGHUP. again: called by each further one."""
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            again()
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    return asked


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _path(environ: Mapping[str, str]) -> str:
    """With the programs installed beside this Python first, as an activated virtual environment has them."""
    return os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])


def _say(text: str) -> None:
    print(text, flush=True)
