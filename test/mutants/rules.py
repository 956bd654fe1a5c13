"""The changes: each rule makes of a region of the source the ones that are wrong in one way."""

import re

from source import blank

CALL = re.compile(r"(?:co_await\s+)?\*?[\w:]+(?:(?:\.|->|::)\w+|\([^()]*\)(?=[.\-])|\[[^\[\]]*\])*\(")
ASSIGNED = re.compile(r"\*?[\w:]+(?:(?:\.|->)\w+|\[[^\[\]]*\])*\s*(?:[|&+\-]?=)\s|(?:\+\+|--)[\w.>\-]+;")
FLAG = re.compile(r" \| ((?:O|AT|RESOLVE|FALLOC_FL|RENAME|ARSYNC|IORING|IOSQE|MAP|MFD|RWF|POLL|EFD)_\w+)")
FIRST_FLAG = re.compile(r"((?:O(?!_RDONLY\b)|AT|RESOLVE|FALLOC_FL|RENAME)_\w+) \| ")  # O_RDONLY is none
ERRNO = re.compile(r"(?<![\w:])(E(?!OF\b|XIT)[A-Z0-9]{3,})\b")
RELATIONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
KEYWORDS = ("return", "co_return", "throw", "break", "continue", "delete", "using", "goto", "try",
            "do ", "typedef", "static_assert", "case", "co_yield")


def replace(text, match, by, group=0):
    return text[:match.start(group)] + by + text[match.end(group):]


def is_call(code):
    return CALL.match(code) is not None and not code.startswith(KEYWORDS)


def may_go(code):
    return is_call(code) or (ASSIGNED.match(code) is not None and not code.startswith(KEYWORDS))


def dropped(code):
    """What a statement that goes was for."""
    for word, name in (("sync", "drop-sync"), ("throw_if_cancelled", "ignore-cancel"),
                       ("close", "drop-close"), ("check(", "forget-error"),
                       ("unlink", "drop-removal"), ("discard", "drop-removal")):
        if word in code:
            return name
    return "drop-call" if is_call(code) else "drop-assignment"


def within(text):
    """Changes of part of an expression or statement, each with its rule."""
    code = blank(text)
    for match in re.finditer(r" (<=|>=|<|>) ", code):
        yield "off-by-one", replace(text, match, RELATIONS[match.group(1)], 1)
    for match in re.finditer(r" (==|!=) ", code):
        yield "negate", replace(text, match, "!=" if match.group(1) == "==" else "==", 1)
    for match in re.finditer(r" (&&|\|\|) ", code):
        yield "and-or", replace(text, match, "||" if match.group(1) == "&&" else "&&", 1)
    for match in re.finditer(r" [+-] (1)\b(?![.'])", code):
        yield "off-by-one", replace(text, match, "0", 1)
    for match in re.finditer(r" ([+-]) (?!\d)", code):
        yield "plus-minus", replace(text, match, "-" if match.group(1) == "+" else "+", 1)
    for match in re.finditer(r"std::(min|max)(?=[(<])", code):
        yield "min-max", replace(text, match, "max" if match.group(1) == "min" else "min", 1)
    for match in FLAG.finditer(code):
        yield "drop-flag", replace(text, match, "")
    for match in FIRST_FLAG.finditer(code):
        yield "drop-flag", replace(text, match, "")
    for match in ERRNO.finditer(code):
        yield "wrong-errno", replace(text, match, "EXFULL")
    for match in re.finditer(r"\bring\.sync\([^()]*(?:\([^()]*\))?[^()]*, (\w+)\)", code):
        yield "fdatasync", replace(text, match, f"!{match.group(1)}", 1)
    for match in re.finditer(r"(?<![\w:])(true|false)\b", code):
        yield "true-false", replace(text, match, "false" if match.group(1) == "true" else "true")


def variants(kind, text):
    """All changes of a region: (rule, changed text). The changed text of a statement may be ";"."""
    code = blank(text)
    if kind == "statement":
        if code.startswith(KEYWORDS) and not code.startswith("throw"):
            return
        if may_go(code):
            yield dropped(code), ";"
        if may_go(code) or code.startswith("throw"):
            yield from within(text)
        return
    if "co_await" in code or "{" in code or "[&" in code or "[=" in code or "[this" in code:
        return
    if kind == "condition":
        if re.match(r"\s*(const\s|auto\s|[\w:]+[*&]?\s+\w+\s*=)", code):
            return
        yield "negate", f"!({text})"
    yield from within(text)
