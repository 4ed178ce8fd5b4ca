"""A classifier of token sequences of any length: a bidirectional LSTM over packed sequences."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from toolkit.spec import ModelSpec, Port, TrainingPlan, Twin

from . import documents

VOCABULARY = 1000
EMBEDDED = 100
HIDDEN = 256
LAYERS = 2
PADDING = 0
DROPOUT = 0.5


class BidirectionalLstmClassifier(nn.Module):
    """Tokens (T, B) and lengths (B,) → (B, 1) logit.

    Sequences stand in columns and in any order; tokens from a sequence's length on do not count.
    Runs on packed sequences, so the backward direction starts at each sequence's own last token.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDED, padding_idx=PADDING)
        self.dropout = nn.Dropout(DROPOUT)
        self.lstm = nn.LSTM(EMBEDDED, HIDDEN, LAYERS, bidirectional=True, dropout=DROPOUT)
        self.fc = nn.Linear(2 * HIDDEN, 1)

    def forward(self, text: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The logit from the top layer's last forward and backward hidden state."""
        embedded = self.dropout(self.embedding(text))
        packed = pack_padded_sequence(embedded, lengths.cpu(), enforce_sorted=False)
        _, (hidden, _) = self.lstm(packed)
        logit: torch.Tensor = self.fc(torch.cat([hidden[-2], hidden[-1]], dim=1))
        return logit


class UnpackedLstmClassifier(nn.Module):
    """What `BidirectionalLstmClassifier` computes in eval mode, without packed sequences.

    Shares its parameters. Each layer is two LSTMs: one reads the sequence, the other reads it
    flipped within its own length, so that both end at `length - 1` and padding comes after it.
    """

    def __init__(self, documented: BidirectionalLstmClassifier) -> None:
        super().__init__()
        self.embedding = documented.embedding
        self.fc = documented.fc
        lstm = documented.lstm
        self.forwards = nn.ModuleList(_one_way(lstm, n, "") for n in range(LAYERS))
        self.backwards = nn.ModuleList(_one_way(lstm, n, "_reverse") for n in range(LAYERS))

    def forward(self, text: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The logit from both directions' outputs at each sequence's last token."""
        features = self.embedding(text)
        flip = flipped_positions(text, lengths)
        last = (lengths - 1).reshape(1, -1, 1)
        forward_out = backward_out = features
        for forwards, backwards in zip(self.forwards, self.backwards, strict=True):
            forward_out, _ = forwards(features)
            backward_out, _ = backwards(_rows(features, flip))
            features = torch.cat([forward_out, _rows(backward_out, flip)], dim=2)
        ends = torch.cat([_rows(forward_out, last), _rows(backward_out, last)], dim=2)
        logit: torch.Tensor = self.fc(ends.squeeze(0))
        return logit


def flipped_positions(text: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """For each place (T, B, 1) the place of the token that stands there once flipped.

    Places from the length on keep their own: to flip twice gives the sequence back.
    """
    places = torch.arange(text.shape[0], device=text.device).reshape(-1, 1)
    flipped = torch.where(places < lengths, lengths - 1 - places, places)
    return flipped.unsqueeze(2)


def _rows(features: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Features (T, B, F) at the places (S, B, 1) along time; (S, B, F)."""
    return torch.gather(features, 0, places.expand(-1, -1, features.shape[2]))


def _one_way(stacked: nn.LSTM, layer: int, suffix: str) -> nn.LSTM:
    """One layer and direction of a stacked LSTM as an LSTM of its own, with the same parameters."""
    ending = f"l{layer}{suffix}"
    weights = stacked.get_parameter(f"weight_ih_{ending}")
    single = nn.LSTM(weights.shape[1], stacked.hidden_size)
    for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(single, f"{kind}_l0", stacked.get_parameter(f"{kind}_{ending}"))
    return single


def unpacked(module: nn.Module) -> nn.Module:
    """The twin of a `BidirectionalLstmClassifier`; raises `TypeError` for anything else."""
    if not isinstance(module, BidirectionalLstmClassifier):
        raise TypeError(f"{type(module).__name__} has no unpacked twin")
    return UnpackedLstmClassifier(module)


SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="bidirectional_lstm_classifier",
        build=BidirectionalLstmClassifier,
        family="rnn",
        document=documents.A,
        summary="Embedding(1000, 100), packed bidirectional LSTM(100, 256, 2), linear 512-1",
        inputs=(
            Port("text", ("time", "batch"), dtype="int64", low=0, high=VOCABULARY - 1),
            Port("lengths", ("batch",), dtype="int64", low=1, up_to="time"),
        ),
        outputs=(Port("logit", ("batch", 1)),),
        parameters=2_410_657,
        training=TrainingPlan(
            data="token-sequences",
            objective="bce_with_logits",
            metric="accuracy",
            floor=0.92,
            learning_rate=2e-3,
            schedule="linear",
            batch_size=64,
            epochs=3,
        ),
        twins=(
            Twin(
                formats=("onnx", "pt2"),
                build=unpacked,
                reason="torch.export cannot capture packed sequences",
            ),
        ),
    ),
)
