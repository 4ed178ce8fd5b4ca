"""The mutants that `bench/mutants.py` makes, and what it complains of."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from bench.mutant_runs import new_code
from bench.mutants import complaints, table
from bench.mutation import Mutant, mutants_of


def mutants(folder: Path, text: str) -> list[Mutant]:
    path = folder / "subject.py"
    path.write_text(dedent(text), encoding="utf-8")
    return list(mutants_of(path))


def changes(folder: Path, text: str) -> list[str]:
    return [mutant.change for mutant in mutants(folder, text)]


def test_a_comparison_is_moved_by_its_boundary_and_turned_round(tmp_path: Path) -> None:
    found = changes(tmp_path, "def over(a, b):\n    return a > b\n")
    assert found == ["return a > b → return None", "a > b → a >= b", "a > b → a <= b"]


def test_the_mutants_of_a_line_do_what_they_say(tmp_path: Path) -> None:
    results = {}
    for mutant in mutants(tmp_path, "def both(a, b):\n    return max(a, b) + 2\n"):
        namespace: dict[str, object] = {}
        exec(mutant.code, namespace)
        results[mutant.change] = namespace["both"](3, 5)  # type: ignore[operator]
    assert results == {
        "return max(a, b) + 2 → return None": None,
        "max(a, b) + 2 → max(a, b) - 2": 3,
        "max(a, b) → min(a, b)": 5,
        "max(a, b) + 2 → max(a, b) + 3": 8,
        "max(a, b) + 2 → max(a, b) + 1": 6,
    }


def test_conditions_are_negated_joined_otherwise_and_left_out(tmp_path: Path) -> None:
    text = """
        def chosen(rows, first, second):
            if first and second:
                rows.clear()
            return [row for row in rows if not row]
    """
    assert changes(tmp_path, text) == [
        "if first and second → if not (first and second)",
        "first and second → second",
        "first and second → first",
        "first and second → first or second",
        "rows.clear() → pass",
        "return [row for row in rows if not row] → return None",
        "for row in rows if not row → for row in rows",
        "not row → row",
    ]


def test_texts_annotations_and_what_only_tells_are_left_alone(tmp_path: Path) -> None:
    text = '''
        """Says 1 + 1."""
        from dataclasses import dataclass

        @dataclass(frozen=True)
        class Row:
            """A row."""
            size: "int | None"

        def pairs(a: 3, b) -> 4:
            assert a == b
            observe(a + b)
            if a:
                raise ValueError(f"{a + b}")
            yield from zip(a, b, strict=True)
    '''
    assert changes(tmp_path, text) == [
        "if a → if not a",
        "yield from zip(a, b, strict=True) → pass",
    ]


def test_the_same_change_at_two_places_has_two_names(tmp_path: Path) -> None:
    found = mutants(tmp_path, "def f(a):\n    a += 1\n    a += 1\n")
    assert len({mutant.key for mutant in found}) == len(found)
    assert [mutant.line for mutant in found if mutant.change.startswith("a += 1 → a -= 1")] == [
        2,
        3,
    ]


def test_a_change_in_a_functions_body_is_told_from_one_of_a_default(tmp_path: Path) -> None:
    text = "LIMIT = 3\n\ndef f(a=5):\n    return a < 7\n"
    swapped = {mutant.change: new_code(mutant) is not None for mutant in mutants(tmp_path, text)}
    assert swapped["LIMIT = 3 → LIMIT = 4"] is False
    assert swapped["a < 7 → a <= 7"] is True
    assert swapped["a=5 → a=6"] is False


def test_a_survivor_must_be_listed_and_what_is_listed_must_survive(tmp_path: Path) -> None:
    first, second, third = mutants(tmp_path, "def over(a, b):\n    return a > b\n")
    lived = {first: True, second: False, third: True}
    listed = {second.key: "the same"}
    assert complaints(lived, listed) == []
    killed = complaints(dict.fromkeys(lived, True), listed)
    assert killed == [f"listed as equivalent and killed: {second.where}: {second.change}"]
    gone = complaints(lived, {**listed, ("subject.py:over", "a → b"): "no more"})
    assert gone == ["listed as equivalent and gone: subject.py:over: a → b"]
    elsewhere = complaints(lived, {**listed, ("other.py:over", "a → b"): "not asked for"})
    assert elsewhere == []
    (unlisted,) = complaints(lived, {})
    assert unlisted.startswith("survived: ")
    assert unlisted.endswith("over: a > b → a >= b")
    assert table(lived, listed).splitlines()[-1].split() == ["all", "3", "2", "1", "0"]
