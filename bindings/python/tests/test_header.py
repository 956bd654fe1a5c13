"""Every number and every layout is arsync.h's, as a C compiler has it."""

import ctypes
import os
import re
import shutil
import subprocess

import pytest

from arsync import _enums, _library

STRUCTS = {
    "arsync_pool_options": _library.PoolOptions,
    "arsync_copy_options": _library.CopyOptions,
    "arsync_info": _library.Info,
    "arsync_stats": _library.Stats,
    "arsync_adjustment": _library.Adjustment,
    "arsync_progress": _library.Progress,
    "arsync_totals": _library.Totals,
    "arsync_facts": _library.Facts,
    "arsync_details": _library.Details,
    "arsync_completion": _library.Completion,
    "arsync_item": _library.Item,
    "arsync_buffer": _library.Buffer,
}

# What the header calls the values of each class.
PREFIXES = {
    "Backend": "BACKEND",
    "PoolFlags": "POOL",
    "Shutdown": "SHUTDOWN",
    "Method": "METHOD",
    "Reflink": "REFLINK",
    "Cache": "CACHE",
    "Replace": "REPLACE",
    "Update": "UPDATE",
    "Symlinks": "SYMLINKS",
    "Report": "REPORT",
    "Backup": "BACKUP",
    "Durability": "DURABILITY",
    "Sparse": "SPARSE",
    "Preserve": "PRESERVE",
    "Flags": "COPY",
    "Want": "WANT",
    "Stage": "STAGE",
    "Outcome": "COMPLETION",
    "Kind": "COMPLETION",
    "Action": "ACTION",
    "Answer": "ANSWER",
    "Quoting": "QUOTE",
    "JobState": "JOB",
    "Adjust": "ADJUST",
    "ProgressFlags": "PROGRESS",
    "Sync": "SYNC",
}

# What has no counterpart here.
NOT_HERE = re.compile(
    r"ARSYNC_(VERSION_.*|.*_MAX|.*_MIN|.*_DEFAULT|.*_SIZE_\d+_\d+|API|H|METHOD_(HEAP|MANAGED))$"
)


def values():
    for name, prefix in PREFIXES.items():
        for member in getattr(_enums, name).__members__.values():
            yield f"ARSYNC_{prefix}_{member.name}", int(member)


@pytest.fixture(scope="module")
def compiler():
    found = os.environ.get("CC", "cc")
    if shutil.which(found) is None or not os.environ.get("ARSYNC_CFLAGS"):
        pytest.skip("there is no C compiler, or no ARSYNC_CFLAGS that says where arsync.h is")
    return [found, *os.environ["ARSYNC_CFLAGS"].split()]


def test_numbers_and_layouts_are_the_headers(compiler, tmp_path):
    lines = [f"_Static_assert({name} == {value}, \"{name}\");" for name, value in values()]
    lines.append(f"_Static_assert(ARSYNC_VERSION_NUMBER == {_library.VERSION_NUMBER}, \"version\");")
    for name, struct in STRUCTS.items():
        lines.append(f"_Static_assert(sizeof({name}) == {ctypes.sizeof(struct)}, \"{name}\");")
        for field, *_ in struct._fields_:
            offset = getattr(struct, field).offset
            size = getattr(struct, field).size
            lines.append(f"_Static_assert(offsetof({name}, {field}) == {offset}, \"{name}.{field}\");")
            lines.append(f"_Static_assert(sizeof((({name}*)0)->{field}) == {size}, \"{name}.{field}\");")
    program = tmp_path / "numbers.c"
    program.write_text("#include <arsync.h>\n" + "\n".join(lines) + "\n")
    ran = subprocess.run(
        [*compiler, "-std=c11", "-fsyntax-only", str(program)], stderr=subprocess.PIPE, text=True
    )
    assert ran.returncode == 0, ran.stderr


def test_no_number_of_the_header_is_missing(compiler, tmp_path):
    text = subprocess.run(
        [*compiler, "-E", "-dD", "-x", "c", "-"],
        input="#include <arsync.h>\n",
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    named = set(re.findall(r"^#define (ARSYNC_\w+)", text, re.M))
    named |= set(re.findall(r"^\s+(ARSYNC_\w+)\s*=", text, re.M))
    here = {name for name, _ in values()}
    assert {name for name in named - here if not NOT_HERE.match(name)} == set()


def test_completions_are_read_as_they_are_laid_out():
    import struct

    assert struct.calcsize(_library.COMPLETION_FORMAT) == ctypes.sizeof(_library.Completion)
