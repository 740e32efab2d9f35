"""Hostile definitions, names and arguments: refused within a second, or escaped everywhere."""

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import symconv as sc
from symconv.emission import emit
from symconv.emit.c_names import is_reserved
from symconv.errors import SymconvError
from symconv.operators import catalogue

WARNINGS = ("-std=c11", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
HEADERS = ("assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "limits", "locale",
           "math", "setjmp", "signal", "stdarg", "stdatomic", "stddef", "stdint", "stdio",
           "stdlib", "string", "time", "wchar")
MACROS = ("NULL", "INFINITY", "NAN", "EOF", "I", "errno", "complex", "HUGE_VAL", "HUGE_VALF",
          "M_PI", "FP_NAN", "INT64_MAX", "SIZE_MAX", "PTRDIFF_MAX", "CHAR_BIT", "DBL_EPSILON",
          "SIGINT", "EDOM", "LC_ALL", "SEEK_SET", "EXIT_FAILURE", "stdin", "stdout", "assert",
          "linux", "unix", "math_errhandling", "BUFSIZ", "DBL_MAX", "TIME_UTC", "RAND_MAX")
LIBRARY = ("ptrdiff_t", "size_t", "int64_t", "double_t", "wchar", "main", "malloc", "printf",
           "memcpy", "fabs", "fabsf", "expf", "powf", "sqrtf", "pow", "isnan", "signbit", "gamma",
           "index", "y0", "j1", "np", "numpy", "len", "print", "dtype", "range", "id", "self")
OWN = ("sizes", "workspace", "task", "task_begin", "task_end", "total", "best", "place", "seen",
       "value", "definition", "definition_forward", "definition_sizes", "definition_floordiv",
       "definition_check", "DEFINITION_H", "code")
# the cotangent of o is `do`, the gradient of el is `del`, the tangent of ry is `try`
GRADIENTS = ("o", "ouble", "efault", "el", "ry", "ypedef", "rue", "his", "oid", "olatile")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def refused(action):
    """The message of the SymconvError that an action raises within a second."""
    start = time.process_time()
    with pytest.raises(SymconvError) as caught:
        action()
    assert time.process_time() - start < 1
    message = str(caught.value)
    assert 10 < len(message) < 1000
    return message


# --- texts --------------------------------------------------------------------------------------

TEXTS = {
    "tower": "y[i] = 9**9**9**9 * x[i]", "tower from the left": "y[i] = ((9**9)**9)**9 * x[i]",
    "large power": "y[i] = 2**1000000000 * x[i]", "rational power": "y[i] = (2/3)**400**400 * x[i]",
    "extent": "i < 9**9**9\ny[i] = x[i]", "signs": f"y[i] = {'-' * 5000}x[i]",
    "spaced signs": f"y[i] = {'- ' * 5000}x[i]", "nots": f"y[i] = {'not ' * 5000}x[i]",
    "brackets": f"y[i] = {'(' * 5000}x[i]{')' * 5000}",
    "open brackets": f"y[i] = {'[' * 90000}", "calls": f"y[i] = {'exp(' * 5000}x[i]{')' * 5000}",
    "subscripts": f"y[i] = {'x[' * 5000}i{']' * 5000}", "sum": "y[i] = x[i]" + " + x[i]" * 9000,
    "name": f"{'a' * 90000}[i] = x[i]", "digits": f"y[i] = {'9' * 90000} * x[i]",
    "decimals": f"y[i] = 0.{'1' * 90000} * x[i]", "exponent": "y[i] = 1e999999999 * x[i]",
    "long text": "#" * 100_001, "lines": "\n" * 5000, "statements": ";" * 90000,
    "names": "".join(f"y{n}[i] = x[i]\n" for n in range(1900)) + "z[i] = q[i]" * 2,
    "continued": "y[i] = x[i] \\\n + x[i]", "trigraph": "y[i] = x??/[i]",
    "comment end": "y*/[i] = x[i]",
    "quote": "y[i] = 'x'", "import": "y[i] = __import__('os').system('true')",
    "attribute": "y[i] = x.__class__[i]", "lambda": "y[i] = (lambda: x)[i]",
    "f-string": "y[i] = f'{x}'", "walrus": "y[i] = (a := x[i])", "star": "y[i] = max(*x[i])",
    "await": "y[i] = await x[i]", "comprehension": "y[i] = [x for x in x]",
    "nul": "y[i] = x[i]\0", "bom inside": "y[i]\ufeff = x[i]", "accent": "y[é] = x[é]",
    "kelvin": "y[i] = \u212a[i]", "bidi": "y[i] = x[\u202ei]", "surrogate": "y[i] = \ud800[i]",
    "separator": "y[i] = x[i]\u2028z[i] = x[i]", "full width": "y[i] = x[i]＋1",
    "backslash": "\\input{x}[i] = x[i]", "dollar": "$x$[i] = x[i]", "percent": "y[i] = x[i] % 2 %",
    "dunder": "y[i] = __x[i]", "C keyword": "y[i] = register[i]", "C++ keyword": "y[i] = bitand[i]",
    "Python keyword": "y[i] = lambda[i]", "C extension": "y[i] = typeof[i]",
    "at zero": "y[i] = relu(x[i], at_zero=1e400)", "division": "y[i] = x[i] / (2 - 2)",
    "modulus": "y[i] = sum[a](x[a] * [a % (1 - 1) == 0])",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_is_refused_within_a_second(name):
    message = refused(lambda: sc.parse(TEXTS[name]))
    assert all(character.isprintable() or character == "\n" for character in message)


@pytest.mark.parametrize("text", ["y[i] = x[i] # */ ??/ \\",
                                  "# \\input{/etc/passwd} $\ny[i] = x[i]",
                                  "y[i] = x[i] # \u202e\0 é"])
def test_comments_may_hold_anything_and_are_printed_nowhere(text):
    operator = sc.parse(text)
    plain = sc.parse("y[i] = x[i]")
    assert emit(operator) == emit(plain)
    assert operator.vjp("x").latex() == plain.vjp("x").latex()


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("text", [
    "y[i] = 1e400 * x[i]", "y[i] = 1e39 * x[i]", "y[i] = (1e30 * x[i])**2",
    # 64 times 2**58 is 2**64, which would wrap to place 0 and look in range
    "i < 4\na < 65\ny[i] = sum[a](x[288230376151711744*a + i])", "i < 2147483648\ny[i] = x[0]"])
def test_a_constant_without_a_value_in_a_kernel_is_refused(target, text):
    x = np.ones(4, np.float32)
    with pytest.raises(sc.ParameterError, match=r"give a smaller one|give one of at most"):
        sc.build(sc.parse(text), target=target).vjp(x, x=x)


# --- names --------------------------------------------------------------------------------------


def accepted(names):
    """Those names that the language takes; the others are refused."""
    found = []
    for name in names:
        try:
            sc.parse(f"y[i] = {name}[i] * {name}[i]")
        except sc.ParseError:
            continue
        found.append(name)
    return found


def compiles(files, folder, compiler="gcc", language="c", flags=WARNINGS):
    """Compile the emitted files, the header last among all those of the library."""
    path = shutil.which(compiler)
    if path is None:
        pytest.skip(f"no {compiler}")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (header,) = (name for name in files if name.endswith(".h"))
    user = "".join(f"#include <{name}.h>\n" for name in HEADERS
                   if language == "c" or name not in ("complex", "stdatomic"))
    (folder / f"user.{language}").write_text(f'{user}#include "{header}"\n', encoding="utf-8")
    sources = [f"user.{language}"]
    if language == "c":
        sources.append(header.replace(".h", ".c"))
    for source in sources:
        done = subprocess.run([path, *flags, "-c", source, "-o", "out.o"], cwd=folder,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:2000]


def everywhere(names):
    """Programs with every name as an operand, as a size, as an index and as a statement."""
    yield "y[i] = " + " + ".join(f"exp({name}[i]) * {name}[i]" for name in names)
    sizes = [name for name in names if name[0].isupper()]
    if sizes:
        indices = ", ".join(f"q{number}" for number in range(len(sizes)))
        yield f"x: [{', '.join(sizes)}]\ny = sum[{indices}](x[{indices}])"
    indices = [name for name in names if name.islower() and name != "y0"]
    yield "\n".join(f"y{place}[{name}] = sum[a](x[{name} + a] * w[a])"
                    for place, name in enumerate(indices))
    steps = (f"{name}[i] = exp({before}[i])"
             for before, name in zip(["x", *names], names, strict=False))
    yield "\n".join([*steps, f"y[i] = {names[-1]}[i]"])


@pytest.mark.parametrize("group", [MACROS, LIBRARY, OWN, GRADIENTS],
                         ids=["macros", "library", "own", "gradients"])
def test_names_that_mean_something_in_c_are_escaped(group, tmp_path):
    names = accepted(group)
    assert len(names) > len(group) // 2
    for text in everywhere(names):
        compiles(emit(sc.parse(text), targets=["c"]), tmp_path)
        compiles(emit(sc.parse(text), targets=["c"]), tmp_path, flags=("-std=gnu11", "-Werror"))


@pytest.mark.parametrize("group", [MACROS + GRADIENTS, LIBRARY + OWN], ids=["macros", "others"])
def test_headers_with_hostile_names_serve_cpp(group, tmp_path):
    text = next(everywhere(accepted(group)))
    compiles(emit(sc.parse(text), targets=["c"]), tmp_path, "g++", "cpp", ("-Werror",))


@pytest.mark.parametrize("target", ["c", "numpy"])
@pytest.mark.parametrize("name", ["NULL", "linux", "o", "el", "ptrdiff_t", "fabs", "np", "sizes",
                                  "definition_floordiv", "self", "dtype", "key"])
def test_operands_with_hostile_names_are_computed_with(target, name):
    text = f"i < 3; a < 3; y[i] = sum[a]({name}[(i+a)//2] * {name}[2*i+a-1]) + abs({name}[i])"
    x = np.array([1, -2, 3], np.float32)
    found, wanted = [], []
    for called, results in ((name, found), ("x", wanted)):
        operator = sc.parse(re.sub(rf"\b{name}\b", called, text))
        kernel = sc.build(operator, target=target)
        y = kernel.forward(**{called: x})
        results += [y, kernel.vjp(y, **{called: x})[called], kernel.jvp({called: x}, **{called: x}),
                    *kernel.double_vjp({called: x}, y, **{called: x}).values()]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_macro_of_the_headers_that_kernels_include_is_reserved(tmp_path):
    path = shutil.which("gcc") or shutil.which("cc") or pytest.skip("no compiler")
    (tmp_path / "a.c").write_text("#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n")
    done = subprocess.run([path, "-std=gnu11", "-dM", "-E", "a.c"], cwd=tmp_path, text=True,
                          capture_output=True, check=True)
    objects = re.findall(r"^#define ([A-Za-z]\w*) ", done.stdout, re.MULTILINE)
    assert len(objects) > 50
    assert [name for name in objects if not is_reserved("k", name)] == []


@pytest.mark.parametrize("name", ["x*/", "??/", "a\nb", "a\\", "\\input{x}", "<script>", "a b", "é",
                                  "", "1a", "a" * 100_000, "__init__", "for", "int", "class",
                                  "numpy", "math", "../x", "x.y", "$", "\0", "\ud800"])
def test_a_hostile_name_of_an_operator_reaches_no_file_and_no_report(name, tmp_path):
    message = refused(lambda: emit(sc.parse("y[i] = x[i]**2"), name=name))
    assert "give another name" in message
    refused(lambda: sc.ops.conv1d(name=name) if name not in ("numpy", "math") else emit(
        sc.ops.conv1d(), name=name))
    named = sc.parse("y[i] = x[i]**2", name=name)
    plain = sc.parse("y[i] = x[i]**2", name="square")
    for form in ("latex", "markdown", "html", "text"):
        assert getattr(named.vjp("x"), form)() == getattr(plain.vjp("x"), form)()


def test_underscores_are_escaped_in_latex():
    operator = sc.parse("y_out[i_1] = sum[a_b](x_in[i_1 + a_b] * w_0[a_b]) + s_t * x_in[i_1]")
    for text in (operator.vjp("x_in").latex(), operator._repr_latex_()):
        outside = re.sub(r"\\[a-z]+\{[^{}]*\}", "", text)
        assert not re.search(r"(?<!\\)[a-z]{2,}_[a-z]", outside), outside


# --- arguments ----------------------------------------------------------------------------------

ODD = (None, "", "abc", "é", "x*/", "a" * 100_000, -1, 10**30, -10**30, 10**5000, 1.5, float("nan"),
       float("inf"), 1j, b"x", (), [], {}, {1, 2}, (None,), ("a",), ((1, 2), (3,)), object(), int,
       Fraction(1, 2), np.float32(2), np.array([1, 2]), np.zeros(0), range(-3, 0), slice(1),
       np.bool_(True), lambda: 0)
X = np.zeros((1, 2, 5, 5), np.float32)
GOOD = {"x": X, "w": np.zeros((3, 2, 3, 3), np.float32), "b": np.zeros(3, np.float32)}
DY = np.zeros((1, 3, 3, 3), np.float32)
SHAPES = {name: array.shape for name, array in GOOD.items()}


def calls():
    conv, unary = sc.ops.conv2d(), sc.ops.abs()
    kernel, one = sc.build(conv, target="numpy"), sc.build(unary, target="numpy")
    text = "y[i] = s * sum[a](x[s*i + a] * [a < 2])"
    return {
        "build op": sc.build, "build target": lambda v: sc.build(conv, target=v),
        "build dtype": lambda v: sc.build(unary, dtype=v),
        "build schedule": lambda v: sc.build(conv, schedule=v),
        "build shape": lambda v: sc.build(conv, shapes={**SHAPES, "x": v}),
        "build extent": lambda v: sc.build(conv, shapes={**SHAPES, "x": (1, 2, v, 5)}),
        "parse text": sc.parse, "parse parameter": lambda v: sc.parse(text, {"s": v}),
        "vjp": conv.vjp, "jacobian": conv.jacobian,
        "output_shape": lambda v: conv.output_shape(**{**SHAPES, "w": v}),
        "forward": lambda v: kernel.forward(**{**GOOD, "w": v}),
        "forward of any rank": lambda v: one.forward(x=v),
        "out": lambda v: kernel.forward(**GOOD, out=(v,)),
        "cotangent": lambda v: kernel.vjp(v, **GOOD),
        "wrt": lambda v: kernel.vjp(DY, (v,), **GOOD),
        "tangent": lambda v: kernel.jvp({"x": v}, **GOOD),
        "direction": lambda v: kernel.double_vjp({"w": v}, DY, **GOOD),
        "verify op": sc.verify, "verify target": lambda v: sc.verify(conv, target=v, **SHAPES),
        "verify dtype": lambda v: sc.verify(conv, dtype=v, **SHAPES),
        "verify shape": lambda v: sc.verify(conv, target="numpy", **{**SHAPES, "x": v}),
    }


# what is no mistake in the place where it is given
FINE = {("parse parameter", "abc"), ("forward of any rank", "nan"), ("forward of any rank", "inf"),
        ("forward of any rank", "1.5"), ("forward of any rank", "-1"),
        ("forward of any rank", "float32(2)"), ("forward of any rank", str(10**30)),
        ("forward of any rank", str(-10**30)), ("cotangent", "{}")}


@pytest.mark.parametrize("name", catalogue.names())
def test_an_odd_parameter_makes_an_operator_or_is_refused_in_words(name):
    entry = catalogue.entry(name)
    required = {one: 2 for one, parameter in entry.signature.parameters.items()
                if parameter.default is parameter.empty}
    for parameter in entry.signature.parameters:
        for odd in (*ODD, True, 2.0, np.array(2), [1, 2], "s", "2+1"):
            with contextlib.suppress(sc.SymconvError):
                str(entry.make(**{**required, parameter: odd}))


@pytest.mark.parametrize("call", calls())
def test_an_argument_that_makes_no_sense_is_refused_in_words(call):
    act = calls()[call]
    for value in ODD:
        start = time.process_time()
        message = None
        try:
            act(value)
        except SymconvError as error:
            message = str(error)
        if message is None:
            shown = repr(value).removeprefix("np.").replace("2.0", "2").strip("'")
            assert (call, shown) in FINE, f"{value!r} is taken"
        else:
            assert 10 < len(message) < 1000, message
        assert time.process_time() - start < 2


def test_wrong_signatures_are_type_errors():
    kernel = sc.build(sc.ops.conv2d(), target="numpy")
    for act in (lambda: sc.build(), lambda: sc.parse(), lambda: kernel.vjp(**GOOD),
                lambda: sc.build(sc.ops.abs(), "c", "float32", None, "auto", 1)):
        with pytest.raises(TypeError):
            act()


def test_operands_may_be_called_like_arguments_of_output_shape():
    operator = sc.parse("y[i] = self[i] * shapes[i]")
    assert operator.output_shape(self=(3,), shapes=(3,)) == {"y": (3,)}


def test_a_jacobian_too_large_to_write_out_is_refused():
    with pytest.raises(sc.ShapeError, match="entries"):
        sc.ops.conv2d(bias=False).jacobian("x").matrix(x=(1, 1, 99, 99), w=(1, 1, 2, 2))


# --- command line -------------------------------------------------------------------------------


def shell(command, folder):
    """Status, output and errors of a shell command in which {symconv} stands for the program."""
    program = f"{shlex.quote(sys.executable)} -m symconv"
    done = subprocess.run(["sh", "-c", command.format(symconv=program)], cwd=folder, text=True,
                          capture_output=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_byte_order_mark_is_no_part_of_a_definition(tmp_path):
    (tmp_path / "a.sym").write_bytes(b"\xef\xbb\xbfy[i] = x[i]\r\n")
    assert shell("{symconv} show a.sym", tmp_path)[0] == 0


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
def test_a_definition_without_end_is_not_read_to_the_end(tmp_path):
    (tmp_path / "endless.sym").symlink_to("/dev/zero")
    with open(tmp_path / "huge.sym", "wb") as file:
        file.truncate(2**40)
    for name, told in (("endless", "is a device"), ("huge", "too long")):
        status, _, complaint = shell(f"{{symconv}} show {name}.sym", tmp_path)
        assert (status, told in complaint) == (2, True)


@pytest.mark.parametrize("command", ["list >&-", "list 2>&-", "show relu >&- 2>&-", "show no >&-"])
def test_closed_streams_are_no_error_of_their_own(tmp_path, command):
    assert shell(f"{{symconv}} {command}", tmp_path)[0] == (2 if "no " in command else 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("command", ["list", "show relu", "derive relu --ndim 1 --wrt x"])
def test_output_onto_a_full_disk_is_one_error(tmp_path, command):
    status, _, complaint = shell(f"{{symconv}} {command} > /dev/full", tmp_path)
    assert status == 2
    assert complaint == "symconv: error: No space left on device\n"


@pytest.mark.parametrize("stem", ["for", "math", "a b", "é", "class", "__init__", "int"])
def test_a_file_of_any_name_is_emitted_under_a_name_that_works(tmp_path, stem):
    (tmp_path / f"{stem}.sym").write_text("y[i] = x[i]**2\n")
    assert shell(f"{{symconv}} emit {shlex.quote(stem)}.sym -o out", tmp_path)[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md", "definition.c", "definition.h", "definition.py"]
