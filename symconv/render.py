"""Text from the skeletons in `templates/`, filled in by Jinja.

Templates hold the skeletons of files alone; every decision is taken before. A template and its
caller must agree exactly: a variable without a value, or a value without a variable, is a fault
of symconv and stops the rendering.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes, select_autoescape
from jinja2.meta import find_undeclared_variables


def render(template: str, /, **values: object) -> str:
    """The template of that name (relative to `templates/`) with its variables filled in.

    Values are escaped in HTML templates alone. Raises RuntimeError where the values are not
    exactly the variables that the template uses; a template that it includes may use more.
    """
    required, permitted = _variables(template)
    if missing := sorted(required - values.keys()):
        raise RuntimeError(f"template {template} has no value for {', '.join(missing)}")
    if surplus := sorted(values.keys() - permitted):
        raise RuntimeError(f"template {template} does not use {', '.join(surplus)}")
    return _environment().get_template(template).render(values)


@lru_cache(maxsize=1)
def templates_folder() -> Path:
    """The top-level `templates/` of a checkout, otherwise the copy inside the wheel."""
    package = Path(__file__).resolve().parent
    live = package.parent / "templates"
    if live.is_dir() and _is_checkout(package.parent / "pyproject.toml"):
        return live
    return package / "templates"


def _is_checkout(project: Path) -> bool:
    try:
        described = tomllib.loads(project.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(described.get("project", {}).get("name") == "symconv")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html", "html.jinja")),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache(maxsize=256)
def _variables(template: str) -> tuple[frozenset[str], frozenset[str]]:
    """The variables that a template needs, and those with what its includes may use as well."""
    environment = _environment()
    loader = environment.loader
    if loader is None:
        raise RuntimeError("the template environment has no loader")
    tree = environment.parse(loader.get_source(environment, template)[0])
    required = find_undeclared_variables(tree) - environment.globals.keys()
    permitted = frozenset(required)
    for node in tree.find_all((nodes.Include, nodes.Extends)):
        if isinstance(node, nodes.Include | nodes.Extends) \
                and isinstance(node.template, nodes.Const):
            permitted |= _variables(node.template.value)[1]
    return frozenset(required), permitted
