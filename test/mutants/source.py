"""Reads a C++ source as its statements, as far as that takes to change one of them.

It understands what clang-format leaves of this library's source and no more: a block's brace has a
space before it, one of an initialiser has none. What it does not understand it leaves alone.
"""

import re
from dataclasses import dataclass

CONTROL = re.compile(r"(?:(else\b)\s*)?(if|while|for|switch)\b\s*(constexpr\s*)?\(")
LABEL = re.compile(r"(case\s[^;?]*?[^:]|default|public|private|protected):(?!:)\s*")
SCOPE = re.compile(r"\s*(template\s*<|namespace|class|struct|union|enum|extern\b)")
INITIALISED = re.compile(r"(=|\breturn|\bco_return|,|\()\s*$")


@dataclass(frozen=True)
class Region:
    """A piece of the source that may be changed: text[begin:end]."""
    kind: str  # statement (with its semicolon), condition, value
    begin: int
    end: int


def blank(text):
    """The same, with comments and the insides of literals as spaces."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'|^[ \t]*#[^\n]*',
        re.S | re.M)

    def spaces(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + "_" * (len(found) - 2) + found[-1]
        return re.sub(r"[^\n]", " ", found)
    return pattern.sub(spaces, text)


def closing(code, at):
    """Where the bracket at `at` is closed."""
    depth = 0
    for i in range(at, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if depth == 0:
                return i
    raise ValueError("a bracket is not closed")


def skip_space(code, at, end):
    while at < end and code[at].isspace():
        at += 1
    return at


def regions(text):
    """All of a source, in order; none lies in another."""
    code = blank(text)
    found = []
    blocks = []  # whether each block that is open is one of statements
    at = begin = 0
    while at < len(code):
        char = code[at]
        if char in "([":
            at = closing(code, at)
        elif char == "{":
            header = code[begin:at]
            if not header.endswith((" ", "\n")) or INITIALISED.search(header):
                at = closing(code, at)
            else:
                if blocks and blocks[-1]:
                    read_statement(code, begin, at, found, is_header=True)
                blocks.append(bool(blocks and blocks[-1]) or not SCOPE.match(header))
                begin = at + 1
        elif char == "}":
            if blocks:
                blocks.pop()
            begin = at + 1
        elif char == ";":
            if blocks and blocks[-1]:
                read_statement(code, begin, at + 1, found, is_header=False)
            begin = at + 1
        at += 1
    return found


def read_statement(code, begin, end, found, is_header):
    begin = skip_space(code, begin, end)
    label = LABEL.match(code, begin, end)
    while label:
        begin = skip_space(code, label.end(), end)
        label = LABEL.match(code, begin, end)
    control = CONTROL.match(code, begin, end)
    if control:
        opened = control.end() - 1
        closed = closing(code, opened)
        if not control.group(3):
            read_head(code, control.group(2), opened + 1, closed, found)
        if not is_header:
            read_statement(code, closed + 1, end, found, False)
        return
    if code.startswith("else", begin) and not code[begin + 4].isalnum():
        begin = skip_space(code, begin + 4, end)
    if is_header or begin >= end - 1:
        return
    value = re.compile(r"(?:co_)?return\s+(?=\S)").match(code, begin, end) \
        or re.compile(r"(?:constexpr|static)\b[^;]*;").match(code, begin, end) \
        or re.compile(r"(?:const\s)[\w:<>*& ]+?\s=\s").match(code, begin, end)
    if value is None:
        found.append(Region("statement", begin, end))
    elif code[value.end() - 1] != ";":
        found.append(Region("value", value.end(), end - 1))


def read_head(code, keyword, begin, end, found):
    if keyword == "for":
        parts = code[begin:end].split(";")
        if len(parts) == 3 and parts[1].strip():
            start = begin + len(parts[0]) + 1
            start = skip_space(code, start, end)
            found.append(Region("loop", start, start + len(parts[1].lstrip())))
    elif keyword != "switch" and ";" not in code[begin:end]:
        found.append(Region("condition" if keyword == "if" else "loop", begin, end))
