"""The order of the modules: each imports earlier ones alone, and importing the package is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import symconv

PACKAGE = Path(symconv.__file__).parent
GUIDE = Path(__file__).resolve().parent.parent / "CONTRIBUTING.md"
# the diagram of the modules, without the stage in its first column
ORDER = [name for line in GUIDE.read_text(encoding="utf-8").split("```modules\n")[1]
         .split("```")[0].splitlines() for name in line[12:].split()]
MUTUAL = {("derivation", "operator"),       # the result of a derivation is an operator again
          ("operator", "graph"),            # operators applied to tensors make an operator,
          ("operator", "chains")}           # and so does one operator behind another


def imports(path: Path) -> set[str]:
    """The modules of the package that a file imports, in functions too, but not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {inner for node in ast.walk(tree) if isinstance(node, ast.If)
              and ast.unparse(node.test) == "TYPE_CHECKING" for inner in ast.walk(node)}
    found = [node for node in ast.walk(tree)
             if isinstance(node, ast.ImportFrom) and node not in typing]
    inside = {node.module.split(".")[1] for node in found
              if node.module and node.module.startswith("symconv.")}
    return inside | {a.name for node in found if node.module == "symconv" for a in node.names}


def test_modules_import_earlier_ones_alone():
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if module == "__init__":
            continue
        assert module in ORDER, f"{module} has no place in ORDER yet"
        earlier = ORDER[:ORDER.index(module) + 1]
        late = {name for name in imports(path)
                if name in ORDER and name not in earlier and (module, name) not in MUTUAL}
        assert not late, f"{path.relative_to(PACKAGE)} imports later modules: {sorted(late)}"


def test_the_interpreter_shares_nothing_with_what_it_checks():
    reached, waiting = set(), ["evaluate"]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += imports(PACKAGE / f"{module}.py") & set(ORDER)
    assert not reached & {"relation", "solve", "unknowns", "elimination", "lower", "differentiate",
                          "emit"}


@pytest.mark.parametrize("statement", [
    "import symconv",
    "from symconv.cli import run; run(['--help'])",
    "from symconv.cli import run; run(['list'])"])
def test_light_commands_load_neither_sympy_nor_numpy(statement):
    program = f"{statement}\nimport sys\nprint('heavy:', {{'sympy', 'numpy'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["heavy: set()"], done.stderr


def test_the_diagram_names_every_module_once():
    there = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert sorted(ORDER) == sorted(there - {"__init__"})
