from __future__ import annotations

import subprocess

from opsroom_checks.main import main


def _repository(path):
    subprocess.run(["git", "init", "-q"], cwd=path, check=True, timeout=30)
    return path


def test_a_clean_repository_exits_0_with_a_count(tmp_path, capsys):
    (_repository(tmp_path) / "a.md").write_text("# A\n")
    assert main([], tmp_path) == 0
    assert capsys.readouterr().out == "0 breaches in 1 files, 7 checks\n"


def test_each_breach_is_one_line_and_the_exit_code_is_1(tmp_path, capsys):
    (_repository(tmp_path) / "utils.md").write_text("[x](gone.md)\n")
    assert main([], tmp_path) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("] ")[0] for line in lines] == ["utils.md:0: [name", "utils.md:1: [link", "2 breaches in 1 files, 7 checks"]


def test_ignored_files_are_not_looked_at(tmp_path):
    (_repository(tmp_path) / ".gitignore").write_text("utils.py\n")
    (tmp_path / "utils.py").write_text("")
    assert main([], tmp_path) == 0


def test_outside_a_repository_or_with_an_unknown_option_it_exits_2(tmp_path, capsys):
    assert main([], tmp_path) == 2
    assert main(["--raise"], tmp_path) == 2
    assert "--lower" in capsys.readouterr().err
