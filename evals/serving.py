"""The two programs as processes: an index made, a service on a free loopback port."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

_START_SECONDS = 120
PATIENCE = {
    "PORTAL_RAG_CATALOG_TIMEOUT_SECONDS": "10",
    "PORTAL_RAG_SOURCE_TIMEOUT_SECONDS": "20",
    "PORTAL_RAG_QUESTION_TIMEOUT_SECONDS": "40",
}
"""Settings of a service with which a slow machine does not look like another answer."""


def run_indexer(environ: Mapping[str, str], *words: str) -> int:
    """Run `portal-index` with these settings and no others; gives its exit code."""
    return _program("indexer", *words, environ=environ).wait()


@contextmanager
def index_again_and_again(environ: Mapping[str, str], *words: str) -> Iterator[None]:
    """Run `portal-index` over and over while the block runs; the last run is let finish."""
    ended = threading.Event()

    def runs() -> None:
        while not ended.is_set():
            run_indexer(environ, *words)

    indexing = threading.Thread(target=runs)
    indexing.start()
    try:
        yield
    finally:
        ended.set()
        indexing.join()


@contextmanager
def serve(
    environ: Mapping[str, str], *, port: int | None = None, log: Path | None = None
) -> Iterator[str]:
    """Run `portal-rag serve` while the block runs; gives its URL. `log` takes its messages."""
    port = port or free_port()
    settings = {"PORTAL_RAG_LOG_LEVEL": "warning", **environ, "PORTAL_RAG_PORT": str(port)}
    service = _program("portal_rag", "serve", environ=settings, log=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url)
        yield url
    finally:
        service.terminate()
        service.wait()


def free_port() -> int:
    """Find a loopback port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _program(
    module: str, *words: str, environ: Mapping[str, str], log: Path | None = None
) -> "subprocess.Popen[bytes]":
    kept = {name: value for name, value in os.environ.items() if name[:7] != "PORTAL_"}
    settings = {**kept, **environ}
    command = [sys.executable, "-m", module, *words]
    if log is None:
        return subprocess.Popen(command, env=settings)
    with log.open("ab") as messages:
        return subprocess.Popen(command, env=settings, stderr=messages)


@retry(
    retry=retry_if_exception_type(httpx.HTTPError),
    wait=wait_fixed(0.2),
    stop=stop_after_delay(_START_SECONDS),
    reraise=True,
)
def _wait_until_ready(url: str) -> None:
    httpx.get(f"{url}/.backstage/health/v1/readiness", trust_env=False).raise_for_status()
