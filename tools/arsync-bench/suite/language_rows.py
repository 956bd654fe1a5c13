"""The same list from the other languages, with the library of `make stage`, as far as their tools
are there."""

import os
import subprocess

from . import preparing, table, works
from .contest import Said
from .rows import Compare

BINDINGS = os.path.join(os.path.dirname(__file__), "..", "..", "..", "bindings")


def languages(driver, rounds, tree_rounds):
    build = driver.names["build"]
    _use_stage(f"{build}/stage")
    programs = {"list": Said("{bin}/buffers list {src} {dst} 100000")}
    if _builds("Go", "go", ["go", "build", "-o", f"{build}/bench/list.go", "./bench"]):
        programs["go"] = Said("sh -c 'mkdir {dst} && {bin}/list.go {src} {dst}'")
    if _builds("Python", "python", ["python3", "-c", "import arsync"]):
        programs["python"] = Said(
            f"sh -c 'mkdir {{dst}} && python3 {_python()}/list.py {{src}} {{dst}}'"
        )
    if _builds(
        "Rust",
        "rust",
        [
            "cargo",
            "build",
            "-q",
            "--release",
            "--locked",
            "-p",
            "arsync",
            "--example",
            "bench",
            "--target-dir",
            f"{build}/rust",
        ],
    ):
        programs["rust"] = Said(
            "sh -c 'mkdir {dst} && {build}/rust/release/examples/bench {src} {dst}'"
        )

    driver.disk.fresh("tmpfs")
    works.make(works.LIST, driver.disk, build)
    trials = driver.contest(programs, preparing.REMOVE_COPIES, rounds)
    for language, name, limit in (
        ("Rust", "rust", 1.05),
        ("Go", "go", 1.25),
        ("Python", "python", 2),
    ):
        if name in trials:
            table.compare(
                Compare(
                    f"100,000 files of 4 KiB in one list, tmpfs: {language} : C",
                    limit,
                    name,
                    "list",
                ),
                trials,
            )
    if "rust" in trials:
        _buffers_in_rust(driver, rounds)
    if "python" in trials:
        _tree_in_python(driver, tree_rounds)


def _buffers_in_rust(driver, rounds):
    driver.disk.fresh("ext4")
    works.make(works.GIB_FILE, driver.disk, driver.names["build"])
    trials = driver.contest(
        {
            "direct": "{bin}/buffers direct {src} {dst}",
            "managed": "{build}/rust/release/examples/bench {src} {dst}",
        },
        preparing.cold(),
        rounds,
    )
    table.compare(
        Compare(
            "1 GiB, cold, O_DIRECT: reads and writes of buffers from Rust : a copy",
            1.05,
            "managed",
            "direct",
        ),
        trials,
    )


def _tree_in_python(driver, rounds):
    driver.disk.fresh("tmpfs")
    works.make(works.TREE, driver.disk, driver.names["build"])
    trials = driver.contest(
        {
            "shutil": Said(f"python3 {_python()}/tree.py shutil {{src}} {{dst}}"),
            "arsync": Said(f"python3 {_python()}/tree.py arsync {{src}} {{dst}}"),
        },
        preparing.REMOVE_COPIES,
        rounds,
    )
    table.compare(
        Compare("tree (40,000 files), tmpfs: arsync.copytree : shutil's", 0.33, "arsync", "shutil"),
        trials,
    )


def _python():
    return os.path.abspath(f"{BINDINGS}/python/bench")


def _use_stage(stage):
    os.environ.update(
        {
            "PKG_CONFIG_LIBDIR": f"{stage}/usr/lib/pkgconfig",
            "PKG_CONFIG_SYSROOT_DIR": stage,
            "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1",
            "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1",
            "LD_LIBRARY_PATH": f"{stage}/usr/lib",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.path.abspath(f"{BINDINGS}/python"),
        }
    )


def _builds(language, folder, command):
    """Says so if it does not."""
    try:
        done = subprocess.run(command, cwd=f"{BINDINGS}/{folder}", text=True, capture_output=True)
    except FileNotFoundError as missing:
        table.note(f"{language}: not available ({missing})")
        return False
    if done.returncode != 0:
        table.note(f"{language}: not available ({(done.stderr.strip() or '?').splitlines()[-1]})")
    return done.returncode == 0
