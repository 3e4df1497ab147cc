"""Serves an ASGI app on a loopback port from a thread, records requests, and breaks on demand."""

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import uvicorn

_PART = 1 << 16

App = Any  # an ASGI application; the three parts of its protocol are untyped mappings


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it arrived; `path` is decoded, `query` is not."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def token(self) -> str | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme == "Bearer" else None


Event = Callable[[RecordedRequest], None]


@dataclass
class Fault:
    """What happens to requests below a path, `times` times or until it is mended.

    The first `after` requests pass. An answer of a `size` is made up as it is sent; `sent` says how
    much of it went out before the caller hung up.
    """

    prefix: str
    times: int | None = None
    after: int = 0
    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drops: bool = False
    size: int = 0
    sent: int = 0
    reached: threading.Event | None = None
    released: threading.Event | None = None

    def applies(self, path: str) -> bool:
        if not path.startswith(self.prefix) or self.times == 0:
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(frozen=True)
class Hold:
    """Requests that wait: `reached` is set when one has come, `release()` lets all go on."""

    reached: threading.Event
    _released: threading.Event

    def release(self) -> None:
        self._released.set()


class LoopbackServer:
    """Serves from `start` to `stop`; only then does it have a `url`, without a trailing slash."""

    def __init__(self, app: App) -> None:
        self.requests: list[RecordedRequest] = []
        self._app = app
        self._faults: list[Fault] = []
        self._events: list[Event] = []
        self._started = threading.Event()
        self._stopping = asyncio.Event()

    def start(self) -> None:
        self._socket = _listening_socket()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        self.mend()
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve_until_stopped())

    async def _serve_until_stopped(self) -> None:
        # Server.run() would look only ten times a second whether it should stop.
        config = uvicorn.Config(
            self._serve, interface="asgi3", lifespan="off", log_config=None, ws="none"
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[self._socket])
        self._started.set()
        await self._stopping.wait()
        await _close(server)

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def before(self, event: Event) -> None:
        """Let something happen whenever a request has come and before it is answered."""
        self._events.append(event)

    def mend(self) -> None:
        """End every fault and event; requests that were held go on."""
        self._events.clear()
        faults, self._faults = self._faults, []
        for fault in faults:
            if fault.released:
                fault.released.set()

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _read_body(receive)
        request = RecordedRequest(
            method=scope["method"],
            path=unquote(scope["raw_path"].decode()),
            query=scope["query_string"].decode(),
            headers={name.decode(): value.decode() for name, value in scope["headers"]},
            body=body,
        )
        self.requests.append(request)
        for event in self._events:
            event(request)
        fault = next((each for each in self._faults if each.applies(request.path)), None)
        if fault and fault.reached and fault.released:
            fault.reached.set()
            await asyncio.to_thread(fault.released.wait)
        elif fault and fault.size:
            await _send_endlessly(fault, receive, send)
            return
        elif fault:
            await _send_fault(fault, send)
            return
        await self._app(scope, _replay(body, receive), send)


async def _close(server: uvicorn.Server) -> None:
    for listener in server.servers:
        listener.close()
    if tasks := set(server.server_state.tasks):
        await asyncio.wait(tasks, timeout=1)
    for connection in list(server.server_state.connections):
        connection.shutdown()
    await asyncio.sleep(0)  # for the connections to close


def _listening_socket() -> socket.socket:
    # asyncio sends small answers at once only where the socket says that it is TCP.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


async def _read_body(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Any) -> Any:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return messages.pop() if messages else await receive()

    return replay


async def _send_fault(fault: Fault, send: Any) -> None:
    promised = 1_000 if fault.drops else len(fault.body)
    headers = {"content-type": "application/json", **fault.headers, "content-length": str(promised)}
    await send(
        {
            "type": "http.response.start",
            "status": fault.status or 200,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": fault.body, "more_body": fault.drops})


async def _send_endlessly(fault: Fault, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(fault.size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    hung_up = asyncio.ensure_future(receive())
    while fault.sent < fault.size and not hung_up.done():
        part = min(_PART, fault.size - fault.sent)
        more = fault.sent + part < fault.size
        await send({"type": "http.response.body", "body": b"x" * part, "more_body": more})
        fault.sent += part
        await asyncio.sleep(0)
    hung_up.cancel()
