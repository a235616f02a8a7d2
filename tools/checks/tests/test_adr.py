from __future__ import annotations

import pytest

from opsroom_checks import adr, references

RECORD = """# 0001. A title

- Status: accepted
- Date: 2026-11-23
- Kind: technology

## Context

Why.

## Decision

> We do this.

## When it becomes necessary

Then.

## Without it

That.

## Consequences

So.

## Alternatives

Others.

## Enforced by

`tests/test_a.py::test_b` and `import-linter:floors`
"""
PATH = "docs/adr/0001-a-title.md"
FILES = {
    PATH: RECORD,
    "docs/adr/README.md": "[0001](0001-a-title.md) [0002](0002-a-title.md)\n",
    "tests/test_a.py": "class TestC:\n    def test_d(self): ...\ndef test_b(): ...\n",
    "pyproject.toml": '[[tool.importlinter.contracts]]\nid = "floors"\n',
}


def test_a_complete_record_passes(make_tree):
    assert adr.check(make_tree(FILES)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# 0001. A", "# 1. A"),
        ("Status: accepted", "Status: done"),
        ("2026-11-23", "yesterday"),
        ("## Context\n\nWhy.", "## Context\n"),
        ("> We do this.", "We do this."),
        ("> We do this.", "> We do this.\n\n> And that."),
        ("## Without it", "## Otherwise"),
        ("::test_b", "::test_gone"),
        ("tests/test_a.py::test_b", "tests/test_gone.py"),
        ("import-linter:floors", "import-linter:gone"),
        ("`tests/test_a.py::test_b` and `import-linter:floors`", "the reviewers"),
    ],
)
def test_what_a_record_lacks_is_reported(make_tree, old, new):
    assert old in RECORD
    assert len(adr.check(make_tree({**FILES, PATH: RECORD.replace(old, new)}))) == 1


def test_numbers_have_no_gap(make_tree):
    moved = {k: v for k, v in FILES.items() if k != PATH} | {"docs/adr/0002-a-title.md": RECORD.replace("0001", "0002")}
    assert len(adr.check(make_tree(moved))) == 1


def test_a_record_that_the_index_lacks_is_reported(make_tree):
    assert len(adr.check(make_tree({**FILES, "docs/adr/README.md": "# Records\n"}))) == 1


def test_a_page_that_names_a_file_or_test_that_is_gone_is_reported(make_tree):
    page = "`tests/test_a.py::test_b` `tests/test_a.py::TestC` `tests/test_a.py::test_x` `src/gone.py` `not/a path.py`\n"
    messages = [b.message for b in references.check(make_tree({**FILES, "docs/p.md": page}))]
    assert messages == ["tests/test_a.py defines no test_x", "no such file: src/gone.py"]


def test_references_are_looked_up(make_tree):
    tree = make_tree({**FILES, "src/a.py": ""})
    assert references.problem(tree, "tests/test_a.py::TestC::test_d") is None
    assert references.problem(tree, "ruff:TID251") is None
    assert references.problem(tree, "opsroom-checks:size") is None
    assert references.problem(tree, "opsroom-checks:nothing")
    assert references.problem(tree, "mypy:strict")
    assert references.problem(tree, "src/a.py")
