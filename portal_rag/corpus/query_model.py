"""Which form of the embedding model answers questions: the exported one, if it fits the index."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.onnx_embedding import WHAT_TO_DO, is_exported, load_exported, read_exported
from portal_rag.errors import ConfigurationError

LoadEmbedder = Callable[[str], Embedder]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryModel:
    """The embedder for questions; `refusal` says why an exported model was not taken, if one is."""

    embedder: Embedder
    runtime: Literal["onnxruntime", "sentence-transformers"]
    refusal: str | None = None


def load_query_model(
    name: str, folder: Path, *, index_fingerprint: str | None, load: LoadEmbedder
) -> QueryModel:
    """Load the model exported to `folder` if it is whole and made the index; else load by name.

    As long as there is no index, None, the exported model must be the one of that name.

    Raises:
        ConfigurationError: neither can be loaded.
    """
    refusal = None
    if is_exported(folder):
        try:
            return QueryModel(
                embedder=_load_fitting(folder, name, index_fingerprint), runtime="onnxruntime"
            )
        except ConfigurationError as error:
            refusal = error.message
    return QueryModel(embedder=load(name), runtime="sentence-transformers", refusal=refusal)


def _load_fitting(folder: Path, name: str, index_fingerprint: str | None) -> Embedder:
    exported = read_exported(folder).fingerprint
    wanted = index_fingerprint or Path(name).name
    if exported != wanted and exported.rpartition("@")[0] != wanted:
        raise ConfigurationError(
            f"The model exported to {folder} is {exported}, not {wanted}; {WHAT_TO_DO}"
        )
    return load_exported(folder)
