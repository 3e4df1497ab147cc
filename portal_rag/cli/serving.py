"""The service's own process: the address first, then what it needs, then questions."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress

import structlog
import uvicorn

from portal_rag.api.protocol import WithoutTrailers
from portal_rag.app import create_app
from portal_rag.errors import ConfigurationError
from portal_rag.services import Services, open_services
from portal_rag.settings import ServiceSettings

_NOT_OF_THIS_MACHINE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

_log = structlog.get_logger()


@contextmanager
def bind_addresses(host: str, port: int) -> Iterator[tuple[socket.socket, ...]]:
    """Take the addresses that `host` stands for; nobody can connect until they are served.

    Raises:
        ConfigurationError: naming the setting that is wrong.
    """
    bound, absent = list[socket.socket](), list[OSError]()
    with ExitStack() as taken:
        for family, address in _addresses(host, port):
            try:
                bound.append(taken.enter_context(_bound(family, address)))
            except OSError as error:
                if error.errno not in _NOT_OF_THIS_MACHINE:
                    raise _refused(error, host, port) from error
                absent.append(error)
        if not bound:
            raise _refused(absent[0], host, port) from absent[0]
        yield tuple(bound)


def run_service(settings: ServiceSettings, bound: Sequence[socket.socket]) -> None:
    """Open everything, then answer until a signal comes.

    Raises:
        PortalRagError: something cannot be opened; nothing was answered.
    """
    loop_factory = uvicorn.Config("", log_config=None).get_loop_factory()
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(settings, bound))


async def _serve(settings: ServiceSettings, bound: Sequence[socket.socket]) -> None:
    async with AsyncExitStack() as opening:
        services = await opening.enter_async_context(open_services(settings))
        opened = opening.pop_all()

    @asynccontextmanager
    async def lent() -> AsyncIterator[Services]:
        async with opened:
            yield services

    config = uvicorn.Config(
        create_app(lent),
        log_config=None,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        http=WithoutTrailers,
        ws="none",
    )
    for each in bound:
        _log.info("serving", host=each.getsockname()[0], port=each.getsockname()[1])
    await uvicorn.Server(config).serve(sockets=list(bound))


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"PORTAL_RAG_HOST: {host!r} is neither an address nor a name that is known here"
        ) from error
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bound(family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    with ExitStack() as failing:
        taken = failing.enter_context(socket.socket(family, socket.SOCK_STREAM))
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind(address)
        failing.pop_all()
    return taken


def _refused(error: OSError, host: str, port: int) -> ConfigurationError:
    if error.errno in _NOT_OF_THIS_MACHINE:
        return ConfigurationError(f"PORTAL_RAG_HOST: this machine has no address {host}")
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"PORTAL_RAG_PORT: another program serves {host} port {port} already; end it, or set"
            " another port"
        )
    return ConfigurationError(f"PORTAL_RAG_PORT: cannot take {host} port {port}: {error.strerror}")
