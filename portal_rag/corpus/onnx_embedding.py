"""An exported embedding model, run by onnxruntime and tokenizers alone.

The exported folder holds `model.onnx` (token ids and attention mask to the finished vector),
`tokenizer.json` and `config.json`. `onnx_export` writes it, where torch is installed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
from pydantic import TypeAdapter, ValidationError
from tokenizers import Encoding, Tokenizer

from portal_rag.corpus.store import DenseVector
from portal_rag.errors import ConfigurationError

CONFIG, GRAPH, TOKENIZER = "config.json", "model.onnx", "tokenizer.json"
INPUTS = ("input_ids", "attention_mask")
OUTPUT = "sentence_embedding"
WHAT_TO_DO = "run `portal-index export-model` again"
_BATCH = 16
_ERRORS_ONLY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedModel:
    """What `config.json` says; pooling and normalisation are part of the graph already."""

    format: Literal[1] = 1
    fingerprint: str
    dimensions: int
    max_length: int
    pooling: str
    normalised: Literal[True] = True
    pad_id: int
    query_prompt: str
    document_prompt: str
    sha256: Mapping[str, str]


_CONFIG_TYPE = TypeAdapter(ExportedModel)


class OnnxEmbedder:
    """An exported model on one thread of its caller; its vectors are those of the original."""

    def __init__(
        self, model: ExportedModel, session: onnxruntime.InferenceSession, tokenizer: Tokenizer
    ) -> None:
        self._model = model
        self._session = session
        self._tokenizer = tokenizer

    @property
    def fingerprint(self) -> str:
        return self._model.fingerprint

    @property
    def dimensions(self) -> int:
        return self._model.dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        """Embed passages in batches of similar length; what exceeds the model's window is cut."""
        encodings = [self._encode(self._model.document_prompt + text) for text in texts]
        by_length = sorted(range(len(texts)), key=lambda at: len(encodings[at].ids))
        vectors: dict[int, DenseVector] = {}
        for start in range(0, len(texts), _BATCH):
            batch = by_length[start : start + _BATCH]
            vectors |= zip(batch, self._embed([encodings[at] for at in batch]), strict=True)
        return [vectors[at] for at in range(len(texts))]

    def embed_query(self, text: str) -> DenseVector:
        (vector,) = self._embed([self._encode(self._model.query_prompt + text)])
        return vector

    def _encode(self, text: str) -> Encoding:
        return self._tokenizer.encode(text)

    def _embed(self, encodings: Sequence[Encoding]) -> list[DenseVector]:
        shape = len(encodings), max(len(encoding.ids) for encoding in encodings)
        ids = np.full(shape, self._model.pad_id, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        (rows,) = self._session.run([OUTPUT], dict(zip(INPUTS, (ids, mask), strict=True)))
        return [DenseVector(tuple(row.tolist())) for row in rows]


def is_exported(folder: Path) -> bool:
    """Say whether somebody exported a model to this folder, valid or not.

    Raises:
        ConfigurationError: this account may not look there.
    """
    try:
        return (folder / CONFIG).is_file()
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be looked into ({error.strerror}); let this account read it, or set"
            " PORTAL_RAG_INDEX_DIR (or PORTAL_RAG_QUERY_MODEL_DIR) to a folder that it may read"
        ) from error


def read_exported(folder: Path) -> ExportedModel:
    """Read what an exported model is, without loading it.

    Raises:
        ConfigurationError: there is none, or none that this version can use.
    """
    try:
        model = _CONFIG_TYPE.validate_json((folder / CONFIG).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{folder / CONFIG} cannot be read; {WHAT_TO_DO}") from error
    except ValidationError as error:
        raise ConfigurationError(
            f"{folder / CONFIG} does not describe an exported model of this version; {WHAT_TO_DO}"
        ) from error
    if set(model.sha256) != {GRAPH, TOKENIZER}:
        raise ConfigurationError(
            f"{folder / CONFIG} must name the digests of {GRAPH} and {TOKENIZER}; {WHAT_TO_DO}"
        )
    return model


def write_config(folder: Path, model: ExportedModel) -> None:
    """Say what the files in the folder are."""
    (folder / CONFIG).write_bytes(_CONFIG_TYPE.dump_json(model, indent=2) + b"\n")


def load_exported(folder: Path) -> OnnxEmbedder:
    """Load an exported model; takes about a second.

    Raises:
        ConfigurationError: there is none, or its files are not those that were exported.
    """
    model = read_exported(folder)
    graph, vocabulary = (
        _verified(folder / name, model.sha256[name]) for name in (GRAPH, TOKENIZER)
    )
    try:
        session = onnxruntime.InferenceSession(
            graph, _one_thread(), providers=["CPUExecutionProvider"]
        )
        tokenizer: Tokenizer = Tokenizer.from_buffer(vocabulary)
    except Exception as error:  # neither library has an exception type of its own for this
        raise ConfigurationError(
            f"The model in {folder} cannot be loaded ({error}); {WHAT_TO_DO}"
        ) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(model.max_length)
    return OnnxEmbedder(model, session, tokenizer)


def _verified(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read; {WHAT_TO_DO}") from error
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise ConfigurationError(
            f"{path} is not the file that was exported (sha256 {actual}); find out who changed it,"
            f" then {WHAT_TO_DO}"
        )
    return content


def _one_thread() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
