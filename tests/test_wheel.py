"""The wheel: built, installed elsewhere and used from another directory, templates included."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(arguments, folder, **environment):
    done = subprocess.run([str(argument) for argument in arguments], cwd=folder,
                          env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    run([sys.executable, "-P", "-m", "pip", "wheel", "--quiet", "--no-deps", *isolation,
         "--wheel-dir", folder, ROOT], folder)
    return next(folder.glob("symconv-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    run([sys.executable, "-P", "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder,
         wheel], folder)
    return folder


def test_every_template_and_module_is_in_the_wheel(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("symconv/")}
    files = [(path.relative_to(ROOT / "templates"), "symconv/templates/")
             for path in (ROOT / "templates").rglob("*")]
    files += [(path.relative_to(ROOT / "symconv"), "symconv/")
              for pattern in ("*.py", "py.typed") for path in (ROOT / "symconv").rglob(pattern)]
    assert {f"{folder}{path.as_posix()}" for path, folder in files
            if path.suffix or path.name == "py.typed"} <= inside


def test_the_installed_package_uses_its_own_templates(installed, tmp_path):
    program = ("import symconv; from symconv.render import templates_folder; "
               "print(symconv.__file__, templates_folder())")
    found = run([sys.executable, "-P", "-c", program], tmp_path, PYTHONPATH=str(installed))
    assert found.split() == [str(installed / "symconv" / "__init__.py"),
                             str(installed / "symconv" / "templates")]


def test_the_installed_command_emits_what_the_checkout_emits(installed, tmp_path):
    texts = []
    for name, place in (("wheel", installed), ("checkout", ROOT)):
        program = "from symconv.cli import main; main()"
        run([sys.executable, "-P", "-c", program, "emit", "conv2d", "-o", tmp_path / name],
            tmp_path, PYTHONPATH=str(place))
        texts.append({path.name: path.read_text() for path in (tmp_path / name).rglob("*.*")})
    assert texts[0]
    assert texts[0] == texts[1]
