"""A large portal for measuring permissions: entities with owners and labels, and their index."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.edge_store import open_edge_writer
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.lexical import document_terms
from portal_rag.corpus.predicates import hashed, predicates_of
from portal_rag.corpus.store import (
    SCHEMA_VERSION,
    DenseVector,
    EmbeddedChunk,
    Manifest,
    Run,
    SparseVector,
)

GROUPS = 50
"""Teams; each owns as many entities as the others."""
CONFIDENTIAL = "confidential"
RESTRICTED = "restricted"
PUBLIC = "public"
_SALT = "bench"
_BATCH = 2_000
_VOCABULARY = 4_000
_WORDS = 60
_RUN = Run(id="bench", started_at=datetime(2026, 1, 1, tzinfo=UTC))

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a portal is; chunks are dealt out to the entities in turn."""

    entities: int
    chunks: int
    dimensions: int


class RandomVectors:
    """Passes for a model: an embedding is drawn by its text."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.fingerprint = f"random@{dimensions}"

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> DenseVector:
        draw = np.random.default_rng(list(text.encode()))
        return DenseVector(tuple(_unit(draw.standard_normal((1, self.dimensions)))[0].tolist()))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The entities, and of each chunk the entity that governs it and both of its vectors."""

    entities: tuple[Mapping[str, Any], ...]
    owners: tuple[int, ...]
    dense: Matrix
    lexical: tuple[SparseVector, ...]
    embedder: RandomVectors
    index: Path


def ref_of(entity: Mapping[str, Any]) -> EntityRef:
    """Name an entity."""
    return EntityRef(entity["kind"], "default", entity["metadata"]["name"])


def question(number: int) -> str:
    """Ask for a rare, a middling and a common word."""
    draw = _draw("question", number)
    ranks = (draw.randrange(500, _VOCABULARY), draw.randrange(50, 500), draw.randrange(50))
    return " ".join(f"word{rank}" for rank in ranks)


async def build(size: Size, index: Path) -> World:
    """Publish an index of such a portal, with predicates as the indexer writes them."""
    entities = tuple(_entity(number) for number in range(size.entities))
    predicates = [hashed(predicates_of(entity), salt=_SALT) for entity in entities]
    owners = tuple(number % size.entities for number in range(size.chunks))
    dense = _unit(np.random.default_rng(1).standard_normal((size.chunks, size.dimensions)))
    chunks = [_chunk(number, ref_of(entities[owner])) for number, owner in enumerate(owners)]
    lexical = tuple(document_terms(chunk.embedded_text) for chunk in chunks)
    embedder = RandomVectors(size.dimensions)
    embedded = (
        EmbeddedChunk(
            chunk=chunk,
            dense=DenseVector(tuple(dense[number].tolist())),
            lexical=lexical[number],
            predicates=predicates[owners[number]],
        )
        for number, chunk in enumerate(chunks)
    )
    await _publish(embedded, size, embedder, index)
    return World(
        entities=entities,
        owners=owners,
        dense=dense,
        lexical=lexical,
        embedder=embedder,
        index=index,
    )


async def _publish(
    embedded: Iterator[EmbeddedChunk], size: Size, embedder: RandomVectors, index: Path
) -> None:
    writer = open_edge_writer(
        index, fingerprint=embedder.fingerprint, dimensions=embedder.dimensions
    )
    try:
        for start in range(0, size.chunks, _BATCH):
            count = min(_BATCH, size.chunks - start)
            await writer.upsert([next(embedded) for _ in range(count)], run=_RUN)
        await writer.publish(_manifest(size, embedder), entities=())
    finally:
        await writer.close()


def _manifest(size: Size, embedder: RandomVectors) -> Manifest:
    return Manifest(
        schema_version=SCHEMA_VERSION,
        embedding_fingerprint=embedder.fingerprint,
        dimensions=embedder.dimensions,
        sources=("bench",),
        built_from_files=False,
        chunk_count=size.chunks,
        run_id=_RUN.id,
        published_at=_RUN.started_at,
        salt=_SALT,
    )


def _entity(number: int) -> Mapping[str, Any]:
    """Nine of ten are confidential, one of ten restricted, one of four public; all drawn apart."""
    draw = _draw("entity", number)
    name, kind = f"thing-{number}", draw.choice(("Component", "API", "Resource", "System"))
    labels = {
        label: "true"
        for label, share in ((CONFIDENTIAL, 0.9), (RESTRICTED, 0.1), (PUBLIC, 0.25))
        if draw.random() < share
    }
    team = f"group:default/team-{number % GROUPS}"
    annotations = {
        "backstage.io/techdocs-ref": "dir:.",
        "backstage.io/managed-by-location": f"url:https://git.example/{name}/catalog-info.yaml",
        "github.com/project-slug": f"example/{name}",
        "pagerduty.com/service-id": f"P{number}",
    }
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "default",
            "title": f"Thing {number}",
            "description": f"The {kind.lower()} of number {number}",
            "labels": {"tier": str(number % 4), **labels},
            "annotations": annotations,
            "tags": draw.sample(("java", "go", "python", "kafka", "http", "batch"), 3),
        },
        "spec": {"type": "service", "lifecycle": "production", "owner": team, "system": "shop"},
        "relations": [{"type": "ownedBy", "targetRef": team}],
    }


def _chunk(number: int, ref: EntityRef) -> Chunk:
    return Chunk(
        source="bench",
        document_path=f"{ref}/docs",
        ordinal=number,
        title_path=(ref.name, "Operations"),
        text=_prose(number),
        url=f"https://portal.example/docs/{ref.namespace}/{ref.kind}/{ref.name}",
        anchor="",
        entity_ref=ref,
        resource_ref=ref,
        kind="guide",
        modified_at=None,
    )


def _prose(number: int) -> str:
    """Draw words of which a few are common and most are rare."""
    draw = _draw("text", number)
    ranks = (int(_VOCABULARY ** draw.random()) - 1 for _ in range(_WORDS))
    return " ".join(f"word{rank}" for rank in ranks)


def _unit(vectors: NDArray[np.float64]) -> Matrix:
    lengths = np.sqrt(np.sum(vectors * vectors, axis=1, keepdims=True))
    return np.asarray(vectors / lengths, dtype=np.float32)


def _draw(*seeds: object) -> random.Random:
    return random.Random(repr(seeds))  # noqa: S311 (a portal, not secrets)
