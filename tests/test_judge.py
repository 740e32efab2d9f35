"""`symconv judge` and `symconv doctor`: what they print, and their exit statuses."""

import re

import pytest

import symconv as sc
from symconv.cli import run

FRAME = "x: [N, C, H]\nw: [O, C, K]\ndy: [N, O, I]\nu < H\n"
RIGHT = "dx[n,c,u] = sum[o,i,a]([u + p == s*i + a] * dy[n,o,i] * w[o,c,a])\n"
CONV = ("--against", "conv1d", "--wrt", "x", "--stride", "2", "--padding", "1")


@pytest.fixture
def judge(tmp_path, capsys):
    def judged(text, *arguments):
        path = tmp_path / "claim.sym"
        path.write_text(text, encoding="utf-8")
        status = run(["judge", str(path), *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err
    return judged


def test_a_right_gradient_is_equal_at_several_sizes_also_those_that_do_not_divide(judge):
    status, out, _ = judge(FRAME + RIGHT, *CONV, "--set", "s=2", "--set", "p=1")
    *lines, last = out.splitlines()
    assert status == 0
    assert len(lines) >= 4
    assert all(line.startswith("equal ") for line in lines)
    sizes = [dict(re.findall(r"(\w+)=(\d+)", line)) for line in lines]
    assert any((int(size["H"]) + 2 - int(size["K"])) % 2 for size in sizes)
    assert last == f"the claimed dx equals the derived one of conv1d at all {len(lines)} sizes"


def test_parameters_that_stay_symbolic_take_several_values(judge):
    status, out, _ = judge(FRAME + RIGHT, "--against", "conv1d", "--wrt", "x", "--stride", "s",
                           "--padding", "p")
    assert status == 0
    assert {"p=1, s=2", "p=2, s=1", "p=3, s=3"} <= set(re.findall(r"p=\d, s=\d", out))


@pytest.mark.parametrize(("wrong", "where"), [
    (RIGHT.replace("u + p", "u"), r"N=1, C=1, H=1, O=1, K=1: dx\[0,0,0\] is 0, claimed -?\d+"),
    ("a < K\n" + RIGHT.replace("w[o,c,a]", "w[o,c,K - 1 - a]"),
     r"N=1, C=1, H=\d, O=1, K=2: dx\[0,0,\d\]"),
    (RIGHT.replace("dx[n,c,u] = ", "dx[n,c,u] = [u < H - 1] * "), r"dx\[0,0,\d\] is -?\d+"),
    ("H >= 99\n" + RIGHT, "dx is refused: the definition needs H >= 99"),
    (RIGHT.replace("* w", "/ (w[o,c,a] - w[o,c,a]) * w"), "dx has no value")])
def test_a_wrong_gradient_shows_the_smallest_counterexample(judge, wrong, where):
    status, out, _ = judge(FRAME + wrong, *CONV, *(
        f"--set={name}" for name in ("s=2", "p=1") if re.search(rf"\b{name[0]}\b", wrong)))
    assert status == 1
    assert re.search(where, next(line for line in out.splitlines()
                                 if line.startswith("NOT EQUAL")))
    assert "smallest counterexample: dx" in out
    assert re.search(r"for x \(\d, \d, \d\), w \(\d, \d, \d\), b \(\d,\)", out)


@pytest.mark.parametrize(("op", "wrt", "words"), [
    (sc.ops.max_pool1d(kernel_size=2), "x", ["--kernel-size", "2"]),
    (sc.ops.conv2d(groups=2, kernel_size=2), "w", ["--groups", "2", "--kernel-size", "2"]),
    (sc.ops.softmax_cross_entropy().with_rank(2), "x", []),
    (sc.ops.batch_norm().with_rank(2), "x", []),
    (sc.ops.sigmoid(ndim=1), "x", ["--ndim", "1"]),
    (sc.ops.maximum(ndim=2), "a", ["--ndim", "2"])])
def test_the_derived_gradient_judges_itself_and_not_its_negative(judge, op, wrt, words):
    text = str(op.vjp(wrt).result)
    arguments = ("--against", op.name, "--wrt", wrt, *words)
    status, out, err = judge(text, *arguments)
    assert (status, err) == (0, ""), out
    *others, last = text.splitlines()
    left, _, right = last.partition(" = ")
    status, out, err = judge("\n".join([*others, f"{left} = -2*({right})"]), *arguments)
    assert (status, err) == (1, ""), out


def test_the_operator_may_be_a_file_with_settings_of_its_own(judge, tmp_path):
    path = tmp_path / "own.sym"
    path.write_text("x: [N]\nM = (N - 1)//s + 1\ni < M\ny[i] = c*x[s*i]**2\n", encoding="utf-8")
    claim = "x: [N]\ndy: [M]\nu < N\ndx[u] = 2*c*x[u]*sum[i]([s*i == u] * dy[i])\n"
    arguments = ("--against", str(path), "--wrt", "x", "--set", "s=3", "--set", "c=1/2")
    assert judge(claim, *arguments)[0] == 0
    assert judge(claim.replace("2*c", "c"), *arguments)[0] == 1


@pytest.mark.parametrize(("text", "arguments", "told"), [
    (FRAME + RIGHT, CONV, "p has no value in the claim"),
    (FRAME + RIGHT, (*CONV, "--set", "q=1"), "neither definition has this name"),
    ("dy: [N]\ndz[i] = dy[i]", CONV, "the claim defines dz, but the gradient is called dx"),
    ("dy: [N, O, I]\nq: [N]\ndx[n,o,i] = dy[n,o,i]*q[n]", CONV, "the claim reads q"),
    ("dy: [N, O]\ndx[n,o] = dy[n,o]", CONV, "dx has 2 axes"),
    ("dy: [N, O, I]\nw: [O, K]\ndx[n,o,i] = dy[n,o,i]*w[o,0]", CONV, "w has 2 axes"),
    (FRAME, CONV, "line 1"),
    (FRAME + RIGHT, ("--against", "conv1d", "--wrt", "q"), "q"),
    (FRAME + RIGHT, ("--against", "convolution9", "--wrt", "x"), "convolution9"),
    (FRAME + RIGHT, ("--against", "conv1d"), "--wrt")])
def test_what_cannot_be_compared_is_one_message_and_exit_status_two(judge, text, arguments, told):
    status, out, err = judge(text, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("symconv: error: ")
    assert told in err


def test_doctor_tells_what_is_there_and_tries_both_targets(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for what in ("Python", "numpy", "C compiler", "build cache", "ziglang", "target c",
                 "target numpy"):
        assert sum(line[10:].startswith(what) for line in lines) == 1, what
    assert str(tmp_path / "symconv") in "".join(lines)


def test_doctor_fails_where_a_target_does_not_work(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-compiler")
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^MISSING +C compiler +CC=no-such-compiler", out, re.MULTILINE)
    assert re.search(r"^FAILED +target c", out, re.MULTILINE)
    assert re.search(r"^ok +target numpy", out, re.MULTILINE)


def test_doctor_tells_of_a_cache_that_cannot_be_used(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "symconv").mkdir(mode=0o755)
    (tmp_path / "symconv").chmod(0o755)
    assert run(["doctor"]) == 1
    assert re.search(r"^FAILED +build cache .*chmod 700", capsys.readouterr().out, re.MULTILINE)
