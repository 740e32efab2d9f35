"""Templates: strict about their variables, escaped in HTML alone, found beside the checkout."""

import pytest
from jinja2 import DictLoader, Environment

from symconv import render as module
from symconv.render import render, templates_folder


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    texts: dict[str, str] = {}
    found = module._environment()
    environment = found.overlay(loader=DictLoader(texts))
    assert isinstance(environment, Environment)
    monkeypatch.setattr(module, "_environment", lambda: environment)
    module._variables.cache_clear()
    yield texts
    module._variables.cache_clear()


def test_a_block_leaves_no_blank_line_and_the_last_newline_stays(templates):
    templates["a.c.jinja"] = "{% for name in names %}\n  int {{ name }};\n  {% endfor %}\nend\n"
    assert render("a.c.jinja", names=["a", "b"]) == "  int a;\n  int b;\nend\n"


def test_values_and_variables_agree_exactly(templates):
    templates["a.c.jinja"] = "{{ one }}{% set own = 1 %}{{ own }}{{ range(3) | length }}"
    with pytest.raises(RuntimeError, match="has no value for one"):
        render("a.c.jinja")
    with pytest.raises(RuntimeError, match="does not use two"):
        render("a.c.jinja", one=1, two=2)
    assert render("a.c.jinja", one=1) == "113"


def test_an_included_template_may_use_more(templates):
    templates["outer.c.jinja"] = "{{ one }}{% include 'inner.c.jinja' %}"
    templates["inner.c.jinja"] = "{{ two }}"
    assert render("outer.c.jinja", one=1, two=2) == "12"


@pytest.mark.parametrize(("name", "text"), [("a.html.jinja", "&lt;b&gt;"), ("a.html", "&lt;b&gt;"),
                                            ("a.c.jinja", "<b>"), ("a.md.jinja", "<b>")])
def test_html_is_escaped_and_nothing_else_is(templates, name, text):
    templates[name] = "{{ value }}"
    assert render(name, value="<b>") == text


def test_a_checkout_is_recognised_by_its_project_file(tmp_path):
    project = tmp_path / "pyproject.toml"
    assert not module._is_checkout(project)
    for text, expected in (('[project]\nname = "symconv"\n', True),
                           ('[project]\nname = "other"\n', False), ("not toml [", False)):
        project.write_text(text)
        assert module._is_checkout(project) is expected


def test_the_templates_in_use_exist():
    assert any(templates_folder().iterdir())
