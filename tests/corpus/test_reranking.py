"""An optional cross-encoder, from a folder alone; here a real one of random weights."""

import json
from pathlib import Path

import pytest

from portal_rag.corpus.reranking import load_reranker
from portal_rag.errors import ConfigurationError

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "drain", "the", "broker", "cart", "?")


def write_model(folder: Path, *, labels: int = 1) -> None:
    import torch  # noqa: PLC0415
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer  # noqa: PLC0415

    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        num_labels=labels,
        initializer_range=0.5,
    )
    torch.manual_seed(7)
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)


@pytest.mark.model
def test_each_passage_gets_a_number_that_does_not_depend_on_the_others(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    reranker = load_reranker(tmp_path / "model")
    together = reranker.score("drain the broker ?", ["drain the broker", "the cart"])
    (alone,) = reranker.score("drain the broker ?", ["the cart"])
    assert together[1] == pytest.approx(alone, abs=1e-4)
    assert together[0] != together[1]
    assert reranker.score("drain ?", []) == []


@pytest.mark.model
def test_a_model_that_gives_several_numbers_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model", labels=3)
    with pytest.raises(ConfigurationError, match="gives 3 numbers"):
        load_reranker(tmp_path / "model")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"PORTAL_RAG_RERANK_MODEL is .*nowhere"):
        load_reranker(tmp_path / "nowhere")


@pytest.mark.model
def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cannot be loaded as a cross-encoder"):
        load_reranker(tmp_path)
