from __future__ import annotations

from opsroom_checks import sizes


def _function(lines: int) -> str:
    return "class A:\n    def f(self):\n" + "        x = 1\n" * (lines - 1)


def test_a_function_at_the_limit_passes_and_one_line_more_does_not(make_tree):
    assert sizes.check(make_tree({"a.py": _function(70)})) == []
    (breach,) = sizes.check(make_tree({"a.py": _function(71)}))
    assert (breach.path, breach.line) == ("a.py", 2)
    assert "a.py::A.f has 71 lines" in breach.message


def test_a_nested_function_is_measured_by_itself(make_tree):
    inner = "def outer():\n" + "    x = 1\n" * 3 + "    async def inner():\n" + "        y = 1\n" * 75
    names = [b.message.split()[0] for b in sizes.check(make_tree({"a.py": inner}))]
    assert names == ["a.py::outer", "a.py::outer.inner"]


def test_a_file_above_the_limit_is_reported(make_tree):
    (breach,) = sizes.check(make_tree({"a.sql": "select 1;\n" * 401}))
    assert "401 lines" in breach.message


def test_an_allowance_may_not_be_exceeded(make_tree):
    files = {"a.py": _function(80), sizes.ALLOWANCES: "# why\na.py::A.f 79\n"}
    (breach,) = sizes.check(make_tree(files))
    assert "may not grow" in breach.message


def test_an_allowance_at_its_number_passes(make_tree):
    assert sizes.check(make_tree({"a.py": _function(80), sizes.ALLOWANCES: "a.py::A.f 80\n"})) == []


def test_an_allowance_that_can_be_lower_is_a_breach_until_it_is_lowered(make_tree):
    tree = make_tree({"a.py": _function(80), sizes.ALLOWANCES: "# why\na.py::A.f 90\ngone.py 500\n"})
    assert sorted(b.message.split(":")[0].split()[0] for b in sizes.check(tree)) == ["a.py", "gone.py"]
    assert sizes.lower(tree) == 2
    assert (tree.root / sizes.ALLOWANCES).read_text() == "# why\na.py::A.f 80\n"
    assert sizes.check(tree) == []


def test_lowering_never_raises_a_number(make_tree):
    tree = make_tree({"a.py": _function(80), sizes.ALLOWANCES: "a.py::A.f 75\n"})
    assert sizes.lower(tree) == 0
    assert len(sizes.check(tree)) == 1
