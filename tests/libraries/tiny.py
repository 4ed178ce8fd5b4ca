"""Six tiny networks of transformers, drawn from a seed and saved as `save_pretrained` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

ENCODER: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
TEXT: dict[str, Any] = {**ENCODER, "vocab_size": 99}
FAMILIES = ("bert", "gpt2", "t5", "vit", "whisper", "llama")
CONTEXT = 40


def configuration(family: str) -> Any:
    """A small configuration of the family, with the class that it is saved for."""
    import transformers as library

    made = {
        "bert": lambda: library.BertConfig(**TEXT, max_position_embeddings=CONTEXT),
        "gpt2": lambda: library.GPT2Config(
            n_embd=32,
            n_layer=2,
            n_head=4,
            vocab_size=99,
            n_positions=CONTEXT,
            bos_token_id=1,
            eos_token_id=1,
        ),
        "t5": lambda: library.T5Config(
            d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=99
        ),
        "vit": lambda: library.ViTConfig(**ENCODER, image_size=32, patch_size=8),
        "whisper": lambda: library.WhisperConfig(
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            vocab_size=99,
            num_mel_bins=8,
            max_source_positions=20,
            max_target_positions=16,
            pad_token_id=1,
            bos_token_id=1,
            eos_token_id=1,
            decoder_start_token_id=1,
        ),
        "llama": lambda: library.LlamaConfig(
            **TEXT, num_key_value_heads=2, max_position_embeddings=CONTEXT
        ),
    }[family]()
    made.architectures = [_CLASSES[family]]
    return made


_CLASSES = {
    "bert": "BertForSequenceClassification",
    "gpt2": "GPT2LMHeadModel",
    "t5": "T5ForConditionalGeneration",
    "vit": "ViTForImageClassification",
    "whisper": "WhisperForConditionalGeneration",
    "llama": "LlamaForCausalLM",
}


def save(family: str, folder: Path) -> Path:
    """The network of a family in a folder of its own: configuration and safetensors."""
    import transformers as library

    config = configuration(family)
    torch.manual_seed(0)
    place = folder / f"tiny_{family}"
    getattr(library, _CLASSES[family])(config).save_pretrained(place)
    return place
