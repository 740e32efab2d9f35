"""Long statements, broken where a person would: between the arguments of their longest call."""

from __future__ import annotations

WIDTH = 96


def fold(statement: str) -> list[str]:
    """The lines of a statement: one where it fits, else one argument per line, or what is read
    on a line of its own."""
    if len(statement) <= WIDTH or statement.lstrip().startswith("#"):
        return [statement]
    left, sign, right = _assignment(statement)
    if sign and not right.startswith("np."):
        indent = " " * (len(statement) - len(statement.lstrip()) + 4)
        if len(indent) + len(right) < WIDTH:
            return [f"{left} {sign} (", f"{indent}{right})"]
    calls = [(start, stop) for start, stop in _calls(statement)
             if len(_arguments(statement[start:stop])) > 1]
    if not calls:
        return [statement]
    start, stop = max(calls, key=lambda call: call[1] - call[0])
    indent = " " * (len(statement) - len(statement.lstrip()) + 4)
    arguments = _arguments(statement[start:stop])
    return [statement[:start], *(f"{indent}{argument}," for argument in arguments[:-1]),
            f"{indent}{arguments[-1]}{statement[stop:]}"]


def _assignment(statement: str) -> tuple[str, str, str]:
    """Target, sign and value; without a sign it is another statement."""
    for sign in ("+=", "="):
        left, found, right = statement.partition(f" {sign} ")
        if found and "(" not in left:
            return left, sign, right
    return statement, "", ""


def _calls(text: str) -> list[tuple[int, int]]:
    """Start and end of what stands inside outermost parentheses."""
    found: list[tuple[int, int]] = []
    depth = start = 0
    for place, letter in enumerate(text):
        if letter in "([":
            depth += 1
            if depth == 1:
                start = place + 1
        elif letter in ")]":
            depth -= 1
            if depth == 0 and letter == ")":
                found.append((start, place))
    return found


def _arguments(text: str) -> list[str]:
    """The text between commas that no bracket encloses."""
    parts, depth, quoted = [""], 0, False
    for letter in text:
        quoted ^= letter == '"'
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
