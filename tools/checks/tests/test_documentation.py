from __future__ import annotations

import subprocess

import pytest

from opsroom_checks import links, runnable

PAGE = "# One\n\n## Two words\n\n[a](other.md#here) [b](#two-words) [c](https://x.org/y) ![d](pic.png)\n"


def test_links_that_resolve_pass(make_tree):
    tree = make_tree({"docs/a.md": PAGE, "docs/other.md": "# Here\n", "docs/pic.png": ""})
    assert links.check(tree) == []


@pytest.mark.parametrize("target", ["gone.md", "other.md#not-there", "#nowhere", "/docs/other.md", "../../x.md"])
def test_a_link_that_leads_nowhere_is_reported(make_tree, target):
    tree = make_tree({"docs/a.md": f"# A\n\ntext [x]({target})\n", "docs/other.md": "# Here\n"})
    (breach,) = links.check(tree)
    assert (breach.path, breach.line) == ("docs/a.md", 3)


def test_links_inside_code_are_not_followed(make_tree):
    tree = make_tree({"a.md": "```md\n[x](gone.md)\n```\n`[y](gone.md)`\n"})
    assert links.check(tree) == []


BLOCK = "# P\n\n```sh test=start\nmake up\n```\n"


def test_a_marked_block_needs_a_test_that_reads_it(make_tree):
    (breach,) = runnable.check(make_tree({"docs/p.md": BLOCK}))
    assert breach.line == 3
    assert runnable.check(make_tree({"docs/p.md": BLOCK, "tests/e2e/test_p.py": 'docs_block(ROOT, "start")\n'})) == []


def test_a_test_of_a_block_that_is_gone_is_reported(make_tree):
    (breach,) = runnable.check(make_tree({"tests/test_p.py": "docs_block(ROOT, 'start')\n"}))
    assert "no page has a block" in breach.message


def test_two_blocks_may_not_share_a_name(make_tree):
    tree = make_tree({"docs/p.md": BLOCK, "docs/q.md": BLOCK, "tests/test_p.py": 'docs_block(ROOT, "start")\n'})
    assert [b.path for b in runnable.check(tree)] == ["docs/q.md"]


def test_the_block_that_is_run_is_the_block_on_the_page(make_tree, tmp_path):
    make_tree({"docs/p.md": BLOCK})
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, timeout=30)
    assert runnable.docs_block(tmp_path, "start") == "make up\n"
    with pytest.raises(LookupError):
        runnable.docs_block(tmp_path, "stop")
