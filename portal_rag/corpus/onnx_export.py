"""Writes the form of an embedding model that the service runs without torch.

Needs torch and the `export` extra (onnx, onnxscript); nothing is downloaded.
"""

import hashlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from portal_rag.corpus.embedding import Embedder, SentenceTransformerEmbedder, load_embedder
from portal_rag.corpus.onnx_embedding import (
    GRAPH,
    INPUTS,
    OUTPUT,
    TOKENIZER,
    ExportedModel,
    is_exported,
    load_exported,
    write_config,
)
from portal_rag.corpus.probing import MIN_COSINE, PROBES, least_cosine
from portal_rag.errors import ConfigurationError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_NEEDED = ("onnx", "onnxscript")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What was published: the least agreement with the original over `probes` texts."""

    folder: Path
    fingerprint: str
    least_cosine: float
    probes: int


def export_model(name: str, folder: Path) -> Export:
    """Export a model of sentence-transformers, and publish it if it agrees with the original.

    Takes half a minute. What was exported to the folder before is replaced, whole or not at all.

    Raises:
        ConfigurationError: the model cannot be loaded or exported, its exported form differs, or
            the folder holds something else or cannot be written to.
    """
    _check_extra()
    _check_replaceable(folder)
    original = load_embedder(name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as made:
            staging = Path(made) / "new"
            staging.mkdir()
            _write(original, staging)
            agreement = _agreement(original, load_exported(staging))
            check_agreement(name, agreement)
            _publish(staging, folder, Path(made) / "old")
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written: {error.strerror}") from error
    return Export(
        folder=folder,
        fingerprint=original.fingerprint,
        least_cosine=agreement,
        probes=len(PROBES),
    )


def check_agreement(name: str, agreement: float) -> None:
    """Refuse a form that is not as good as the original.

    Raises:
        ConfigurationError: the least cosine is below `MIN_COSINE`.
    """
    if not agreement >= MIN_COSINE:
        raise ConfigurationError(
            f"The exported form of {name} differs from the original (cosine {agreement:.5f}, at"
            f" least {MIN_COSINE} is needed), so it was not published; without it the service"
            " uses sentence-transformers"
        )


def _check_extra() -> None:
    try:
        for name in _NEEDED:
            import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"Exporting needs {' and '.join(_NEEDED)}: install portal-rag[export], with"
            " constraints.txt"
        ) from error


def _check_replaceable(folder: Path) -> None:
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_free and not is_exported(folder):
        raise ConfigurationError(f"{folder} holds something other than an exported model")


def _write(original: SentenceTransformerEmbedder, folder: Path) -> None:
    model = original.transformer.float()
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise ConfigurationError("The model's tokenizer has no form that `tokenizers` can load")
    (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    _write_graph(model, folder / GRAPH)
    config = ExportedModel(
        fingerprint=original.fingerprint,
        dimensions=original.dimensions,
        max_length=int(model.max_seq_length or model.tokenizer.model_max_length),
        pooling=_pooling(model),
        pad_id=int(model.tokenizer.pad_token_id or 0),
        query_prompt=_prompt(model, ("query",)),
        document_prompt=_prompt(model, ("document", "passage", "corpus")),
        sha256={name: _sha256(folder / name) for name in (GRAPH, TOKENIZER)},
    )
    write_config(folder, config)


def _write_graph(model: "SentenceTransformer", path: Path) -> None:
    import torch  # noqa: PLC0415 (seconds to import)

    class Whole(torch.nn.Module):
        """All modules of the model, from token ids to a vector of unit length."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            features = dict(zip(INPUTS, (input_ids, attention_mask), strict=True))
            for module in self.model:
                features = module(features)
            return torch.nn.functional.normalize(features[OUTPUT], dim=1)

    ids = torch.ones((2, 9), dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    either = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter warns about its own libraries
            _silence_exporter()
            torch.onnx.export(
                Whole().eval(),
                (ids, mask),
                path,
                dynamo=True,
                external_data=False,
                verbose=False,
                input_names=list(INPUTS),
                output_names=[OUTPUT],
                dynamic_shapes=dict.fromkeys(INPUTS, either),
            )
    except torch.onnx.OnnxExporterError as error:
        raise ConfigurationError(f"torch cannot export this model: {error}") from error


def _silence_exporter() -> None:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)


def _pooling(model: "SentenceTransformer") -> str:
    modes = [str(mode) for mode in (getattr(each, "pooling_mode", None) for each in model) if mode]
    return "+".join(modes) or "none"


def _prompt(model: "SentenceTransformer", names: Sequence[str]) -> str:
    candidates = (*names, model.default_prompt_name)
    known = (model.prompts[name] for name in candidates if name and name in model.prompts)
    return next(known, None) or ""


def _agreement(original: Embedder, exported: Embedder) -> float:
    documents = least_cosine(original.embed_documents(PROBES), exported.embed_documents(PROBES))
    queries = least_cosine(map(original.embed_query, PROBES), map(exported.embed_query, PROBES))
    return min(documents, queries)


def _publish(staging: Path, folder: Path, aside: Path) -> None:
    if not folder.exists():
        staging.rename(folder)
        return
    folder.rename(aside)
    try:
        staging.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    shutil.rmtree(aside)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
