"""Publishes a real embedded index of a few chunks, with the hashing embedder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.edge_store import open_edge_writer
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.lexical import document_terms
from portal_rag.corpus.predicates import hashed
from portal_rag.corpus.store import SCHEMA_VERSION, EmbeddedChunk, Manifest, Run
from tests.factories import NOW
from tests.fakes.embedding import HashingEmbedder

EMBEDDER = HashingEmbedder()
RUN = Run(id="run-1", started_at=NOW)


def embedded(chunk: Chunk, embedder: Embedder = EMBEDDER) -> EmbeddedChunk:
    (dense,) = embedder.embed_documents([chunk.embedded_text])
    return EmbeddedChunk(
        chunk=chunk,
        dense=dense,
        lexical=document_terms(chunk.embedded_text),
        predicates=hashed(None, salt=""),
    )


def make_manifest(
    chunk_count: int, *, built_from_files: bool = True, embedder: Embedder = EMBEDDER
) -> Manifest:
    return Manifest(
        schema_version=SCHEMA_VERSION,
        embedding_fingerprint=embedder.fingerprint,
        dimensions=embedder.dimensions,
        sources=("files/techdocs",),
        built_from_files=built_from_files,
        chunk_count=chunk_count,
        run_id=RUN.id,
        published_at=NOW,
    )


async def publish_index(
    directory: Path,
    chunks: Sequence[Chunk],
    *,
    entities: Sequence[Mapping[str, Any]] = (),
    built_from_files: bool = True,
    embedder: Embedder = EMBEDDER,
) -> None:
    writer = open_edge_writer(
        directory, fingerprint=embedder.fingerprint, dimensions=embedder.dimensions
    )
    try:
        await writer.upsert([embedded(chunk, embedder) for chunk in chunks], run=RUN)
        manifest = make_manifest(len(chunks), built_from_files=built_from_files, embedder=embedder)
        await writer.publish(manifest, entities=entities)
    finally:
        await writer.close()
