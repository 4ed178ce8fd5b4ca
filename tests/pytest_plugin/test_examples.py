"""Inputs as tests have them: tensors, arrays, numbers, words and what nests these."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.projects import QUICK, run

pytest_plugins = ("pytester",)


def test_inputs_are_examples_words_constants_or_what_nests_them(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        f"""
import numpy as np

@dataclass
class Sample:
    image: torch.Tensor
    scale: torch.Tensor

class Nested(Net):
    def forward(self, sample: Sample, states, tokens, factor, mode):
        assert mode == "sum" and factor == 2.0 and tokens.dtype == torch.int64
        h, c = states
        y = self.layer(sample.image * sample.scale) + factor * h + c
        return y + tokens.sum(1, keepdim=True)

def test_nested(parity):
    rows = parity.check(
        Nested(),
        inputs={{
            "sample": Sample(torch.randn(3, 8), torch.ones(())),
            "states": (torch.zeros(3, 4), np.zeros((3, 4), np.float32)),
            "tokens": torch.ones(3, 6, dtype=torch.int64),
            "factor": np.float64(2.0),
            "mode": ":=sum",
        }},
        dynamic={{"sample.image": ["batch"], "states.0": ["batch", None],
                 "states.1": {{0: "batch"}}, "tokens": ["batch", "time"]}},
        formats=["trace"], {QUICK},
    )
    assert [row.status for row in rows] == ["pass"]

def test_by_position(parity):
    class Two(Net):
        def forward(self, x, y):
            return self.layer(x) + y

    parity.check(Two(), inputs=(torch.randn(2, 8), "batch,4"), dynamic={{"x": ["batch"]}},
                 formats="trace", {QUICK})
    parity.check(Net(), inputs=torch.randn(2, 8), formats="trace", {QUICK})

def test_half(parity):
    parity.check(Net().bfloat16(), inputs=torch.randn(2, 8).bfloat16(), formats="trace", {QUICK})
""",
    )
    result.assert_outcomes(passed=3)


def test_the_values_of_examples_are_run_and_their_sizes_traced(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        f"""
class Wrong(Net):
    \"\"\"A trace keeps what it saw: wrong for values that nobody draws.\"\"\"

    def forward(self, x):
        y = self.layer(x.mean(1))
        return 2 * y if bool((x > 1e6).any()) else y

def test_values(parity):
    parity.check(Wrong(), inputs={{"x": torch.full((2, 9, 8), 1e7)}}, formats="trace", {QUICK})

def test_words_alone(parity):
    parity.check(Wrong(), inputs={{"x": "2,9,8"}}, formats="trace", {QUICK})

def test_traced(parity, monkeypatch):
    from toolkit.formats import trace
    seen = []
    inner = trace.TraceFormat.export
    monkeypatch.setattr(trace.TraceFormat, "export",
                        lambda self, built, path, **more: seen.append(built.spec.traced_sizes)
                        or inner(self, built, path, **more))
    parity.check(Wrong(), inputs={{"x": torch.ones(7, 9, 8)}}, dynamic={{"x": ["batch", "time"]}},
                 formats="trace", {QUICK})
    assert seen == [{{"batch": 2, "time": 9}}]
""",
    )
    result.assert_outcomes(passed=2, failed=1)
    assert "test_values" in result.stdout.str()


@pytest.mark.parametrize(
    ("inputs", "dynamic", "objection"),
    [
        ("{'x': {1, 2}}", "None", "x is a set, which no input can be"),
        ("{'x': ()}", "None", "x is an empty tuple"),
        ("{'x': torch.ones(2, 8) * 1j}", "None", "x has dtype complex64"),
        ("{'x': float('nan')}", "None", "a constant is a finite number"),
        ("{'x': 'batch,8'}", "{'x': ['batch']}", "x is said in words"),
        (
            "{'x': torch.ones(2, 8), 'y': torch.ones(3, 8)}",
            "{'x': ['batch'], 'y': ['batch']}",
            "batch is 2 in x and 3 in y",
        ),
    ],
)
def test_inputs_that_are_none_are_refused(
    pytester: pytest.Pytester, inputs: str, dynamic: str, objection: str
) -> None:
    tests = f"def test_net(parity):\n    parity.check(Net(), inputs={inputs}, dynamic={dynamic})\n"
    result = run(pytester, tests)
    result.assert_outcomes(failed=1)
    assert objection in result.stdout.str()
