"""The shared store: collections behind an alias, and the errors of a server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from qdrant_client import models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException

from portal_rag.corpus.schema import manifest_to_json
from portal_rag.corpus.server_collection import Collection, ask
from portal_rag.corpus.server_store import (
    ServerReader,
    open_server_client,
    open_server_reader,
    open_server_writer,
)
from portal_rag.corpus.store import SCHEMA_VERSION, EmbeddedChunk, IndexWriter
from portal_rag.corpus.visibility import GateDecides
from portal_rag.errors import (
    IndexUnavailableError,
    PortalRagError,
    UpstreamError,
    UpstreamTimeoutError,
)
from tests.corpus.stores import (
    ALIAS,
    EMBEDDER,
    LATER_RUN,
    RUN,
    Server,
    embed,
    make_manifest,
    open_fake_server,
    publish,
)
from tests.factories import make_chunk
from tests.fakes.embedding import HashingEmbedder
from tests.fakes.qdrant import FakeQdrant

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")

OTHER = HashingEmbedder(32)


@pytest.fixture(params=["memory", "http"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with open_fake_server(request.param) as opened:
        yield opened


async def publish_with_other_embedder(server: Server) -> None:
    writer = await server.writer(embedder=OTHER)
    chunk = make_chunk("new")
    lexical = embed(chunk)[0].lexical
    item = EmbeddedChunk(chunk=chunk, dense=OTHER.embed_query("new"), lexical=lexical)
    await writer.upsert([item], run=LATER_RUN)
    await writer.publish(make_manifest(1, embedder=OTHER), entities=())
    await writer.close()


async def test_a_new_embedding_fills_a_collection_of_its_own_and_then_takes_over(
    server: Server,
) -> None:
    await publish(server, make_chunk("old"))
    (old,) = await server.collections()
    assert old.startswith(f"{ALIAS}-v{SCHEMA_VERSION}-")
    writer = await server.writer(embedder=OTHER)
    assert await writer.manifest() is None
    assert len(await server.collections()) == 2
    assert (await server.reader().manifest()).embedding_fingerprint == EMBEDDER.fingerprint
    await writer.close()

    await publish_with_other_embedder(server)
    assert old not in await server.collections()
    assert (await server.reader(embedder=OTHER).manifest()).chunk_count == 1
    with pytest.raises(IndexUnavailableError):
        await server.reader().manifest()


async def test_a_running_reader_checks_every_ten_seconds_that_the_index_is_still_its_own(
    server: Server,
) -> None:
    now = 0.0
    reader = ServerReader(server.client, ALIAS, EMBEDDER.fingerprint, timer=lambda: now)
    await publish(server, make_chunk("old"))
    question = EMBEDDER.embed_query("old")
    assert await reader.search(question, visible_to=GateDecides(), limit=1)
    another = manifest_to_json(make_manifest(1, embedder=OTHER))
    await server.client.update_collection(ALIAS, metadata={"manifest": another})
    now = 9.9
    assert await reader.search(question, visible_to=GateDecides(), limit=1)
    now = 10.0
    with pytest.raises(IndexUnavailableError, match="hashing@32"):
        await reader.search(question, visible_to=GateDecides(), limit=1)


async def test_an_interrupted_first_run_is_taken_up_by_the_next(server: Server) -> None:
    chunk = make_chunk("half")
    writer = await server.writer()
    await writer.upsert(embed(chunk), run=RUN)
    await writer.close()
    again = await server.writer()
    assert set(await again.stored(chunk.source)) == {chunk.id}
    assert await again.manifest() is None


async def test_a_collection_of_somebody_else_behind_the_alias_is_not_deleted(
    server: Server,
) -> None:
    params = models.VectorParams(size=2, distance=models.Distance.DOT)
    await server.client.create_collection("precious", vectors_config=params)
    alias = models.CreateAlias(collection_name="precious", alias_name=ALIAS)
    await server.client.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
    with pytest.raises(IndexUnavailableError, match="Nothing is published"):
        await server.reader().manifest()
    await publish(server, make_chunk())
    assert await server.client.collection_exists("precious")
    assert (await server.reader().manifest()).chunk_count == 1


@asynccontextmanager
async def answering(head: str, body: str = "{}") -> AsyncIterator[str]:
    """Serve one answer to whatever is asked; an empty head hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if head:
            length = f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            writer.write(f"HTTP/1.1 {head}\r\n{length}{body}".encode())
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        host, port = listening.sockets[0].getsockname()
        yield f"http://{host}:{port}"


@pytest.mark.parametrize(
    ("head", "body", "error", "is_transient"),
    [
        ("500 Oops", "{}", UpstreamError, True),
        ("401 Unauthorized", "{}", UpstreamError, False),
        ("400 Bad Request", "{}", UpstreamError, False),
        ("429 Too Many\r\nretry-after: 3600", "{}", UpstreamError, True),
        ("200 OK", "<html>", UpstreamError, False),
        ("", "", UpstreamError, True),
    ],
    ids=["500", "401", "400", "429", "html", "hangs-up"],
)
async def test_a_failing_server_is_an_upstream_error(
    head: str, body: str, error: type[PortalRagError], is_transient: bool
) -> None:
    async with answering(head, body) as url:
        reader = await open_server_reader(url, api_key=None, alias=ALIAS, fingerprint="x@1")
        with pytest.raises(error) as raised:
            await reader.search(EMBEDDER.embed_query("x"), visible_to=GateDecides(), limit=1)
        await reader.close()
    assert isinstance(raised.value, UpstreamError)
    assert raised.value.is_transient is is_transient
    assert raised.value.system == "Qdrant"


async def test_a_missing_collection_is_an_unavailable_index() -> None:
    async with answering("404 Not Found") as url:
        reader = await open_server_reader(url, api_key=None, alias=ALIAS, fingerprint="x@1")
        with pytest.raises(IndexUnavailableError, match="portal-index run"):
            await reader.manifest()
        await reader.close()


async def test_a_run_does_not_begin_without_a_server() -> None:
    async with answering("") as url:
        pass
    with pytest.raises(UpstreamError, match="cannot be reached"):
        await open_server_writer(
            url, api_key=None, alias=ALIAS, fingerprint="x@1", dimensions=4, rebuild=False
        )


async def test_a_key_that_is_refused_is_named_by_its_setting_and_never_shown() -> None:
    with FakeQdrant(key="right-key") as fake:
        reader = await open_server_reader(
            fake.url, api_key="secret-key", alias=ALIAS, fingerprint="x@1"
        )
        with pytest.raises(UpstreamError, match="PORTAL_RAG_QDRANT_API_KEY") as raised:
            await reader.manifest()
        await reader.close()
    assert raised.value.upstream_status == 401
    assert "secret-key" not in str(raised.value)


async def test_a_read_only_key_is_enough_to_search_and_does_not_let_a_run_begin() -> None:
    with FakeQdrant(key="writing", read_only_key="reading") as fake:
        writer = await begin(fake.url, "writing")
        await writer.upsert(embed(make_chunk()), run=RUN)
        await writer.publish(make_manifest(1), entities=())
        await writer.close()
        reader = await open_server_reader(
            fake.url, api_key="reading", alias=ALIAS, fingerprint=EMBEDDER.fingerprint
        )
        assert await reader.search(EMBEDDER.embed_query("x"), visible_to=GateDecides(), limit=1)
        await reader.close()
        with pytest.raises(UpstreamError, match="PORTAL_RAG_QDRANT_API_KEY") as raised:
            await begin(fake.url, "reading")
    assert raised.value.upstream_status == 403
    assert fake.violations == []


async def begin(url: str, key: str) -> IndexWriter:
    return await open_server_writer(
        url,
        api_key=key,
        alias=ALIAS,
        fingerprint=EMBEDDER.fingerprint,
        dimensions=EMBEDDER.dimensions,
    )


async def test_a_key_that_goes_unencrypted_to_another_machine_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="unencrypted to qdrant.example; use https"):
        client = open_server_client("http://qdrant.example:6333", "secret-key")
    await client.close()


@pytest.mark.parametrize(
    "url", ["https://qdrant.example", "http://localhost:6333", "http://[::1]:6333"]
)
async def test_a_key_that_nobody_can_overhear_is_not(url: str) -> None:
    await open_server_client(url, "secret-key").close()


async def test_a_server_that_does_not_answer_in_time_is_a_timeout() -> None:
    async def too_slow() -> None:
        raise ResponseHandlingException(httpx.ReadTimeout("slow"))

    with pytest.raises(UpstreamTimeoutError):
        await ask(too_slow)


async def test_an_answer_of_the_wrong_shape_points_to_the_setting() -> None:
    async def misread() -> None:
        raise ResponseHandlingException(ValueError("missing field"))

    with pytest.raises(UpstreamError, match="PORTAL_RAG_QDRANT_URL"):
        await ask(misread)


async def test_a_passing_failure_is_asked_again() -> None:
    failures = [
        ResponseHandlingException(httpx.ConnectError("refused")),
        ResourceExhaustedResponse("busy", 0),
    ]

    async def recovering() -> str:
        if failures:
            raise failures.pop()
        return "answer"

    assert await ask(recovering) == "answer"


async def test_a_run_that_ends_halfway_makes_the_next_read_all(server: Server) -> None:
    state = {"backstage": {"component:default/shop#": "1"}}
    writer = await server.writer()
    await writer.upsert(embed(make_chunk()), run=RUN)
    await writer.publish(make_manifest(1), entities=(), state=state)
    await writer.close()
    halfway = await server.writer()
    await halfway.delete([make_chunk().id])
    await halfway.close()
    later = await server.writer()
    assert await later.state() == {}
    await later.close()


async def test_the_record_of_a_run_stands_beside_the_manifest(server: Server) -> None:
    await publish(server, make_chunk())
    writer = await server.writer()
    await writer.record({"report": {"exit_code": 0}})
    await writer.close()
    live = Collection(server.client, server.alias)
    assert await live.last_run() == {"report": {"exit_code": 0}}
    assert await Collection(server.client, "elsewhere").last_run() is None
