from __future__ import annotations

import pytest

from opsroom_checks import strings
from opsroom_checks.names import check as check_names


def _rules(make_tree, line, path="a/b.txt"):
    return [b.rule for b in strings.check(make_tree({path: line + "\n"}))]


@pytest.mark.parametrize(
    "line",
    ["cd /" + "root/x", 'p = "/' + 'home/ann/src"', "at (/" + "work/main/a.py)", "/" + "Users/Ann/x"],
)
def test_a_path_of_one_machine_is_reported(make_tree, line):
    assert _rules(make_tree, line) == ["machine-path"]


@pytest.mark.parametrize("line", ["libs/work/x", "https://x.org/home/ann", "$HOME/x", "POST /workers", "framework/x", "/tmp/x"])
def test_other_paths_are_not(make_tree, line):
    assert _rules(make_tree, line) == []


@pytest.mark.parametrize("line", ["see https://registry.npm" + "js.org/x", "pip --index" + "-url x", "https://files.python" + "hosted.org"])
def test_a_download_host_is_reported(make_tree, line):
    assert _rules(make_tree, line) == ["download-host"]


def test_a_lock_file_holds_no_url_at_all(make_tree):
    assert _rules(make_tree, '"resolved": "https://mirror.example/x.tgz"', "web/package-lock.json") == ["download-host"]
    assert _rules(make_tree, "# from https://mirror.example/simple", "requirements/dev.txt") == ["download-host"]
    assert _rules(make_tree, '"url": "https://github.com/sponsors/x"', "web/package-lock.json") == []


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN RSA PRIV" + "ATE KEY-----",
        "key = AKIA" + "ABCDEFGHIJKLMNOP",
        "pass" + 'word = "hunter2hunter2"',
        "postgres://ops:" + "hunter2@db.example/ops",
        "sk-" + "a" * 24,
    ],
)
def test_what_looks_like_a_secret_is_reported(make_tree, line):
    assert _rules(make_tree, line) == ["secret"]


@pytest.mark.parametrize("line", ["password: str", "postgres://postgres:postgres@127.0.0.1:5432/x", 'password = "{{ .Values.password }}"'])
def test_what_only_names_a_secret_is_not(make_tree, line):
    assert _rules(make_tree, line) == []


def test_a_line_may_say_why_it_is_allowed(make_tree):
    assert _rules(make_tree, "cd /" + "root/x  # opsroom-checks: allow, an example in a test") == []


def test_a_file_named_after_nothing_is_reported(make_tree):
    tree = make_tree({"src/date_utils.py": "", "src/misc/a.py": "", "src/helpers.ts": "", "src/manager.py": "", "src/utility_bills.py": ""})
    assert len(check_names(tree)) == 4
