"""Builds the wheel and the sdist (PEP 517), with nothing but Python, make and a C++ compiler.

The wheel has the library inside, and liburing if the library wants it. The library is built by the Makefile
of the repository that this is in, or of the copy that the sdist has; $ARSYNC_LIBRARY_DIR names a directory
that has it already.
"""

import base64
import hashlib
import os
import re
import subprocess
import sysconfig
import tarfile
import zipfile

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NEEDED = ("Makefile", "LICENSE", "include", "lib", "pkgconfig")


def _root():
    """Where the library's source is."""
    inside = os.path.join(_HERE, "libarsync")
    return inside if os.path.isdir(inside) else os.path.dirname(os.path.dirname(_HERE))


def _version():
    with open(os.path.join(_root(), "include", "arsync.h")) as header:
        text = header.read()
    return ".".join(
        re.search(rf"#define ARSYNC_VERSION_{part} (\d+)", text)[1] for part in ("MAJOR", "MINOR", "PATCH")
    )


def _library():
    directory = os.environ.get("ARSYNC_LIBRARY_DIR")
    if directory is None:
        directory = os.path.join(_root(), "build")
        subprocess.check_call(["make", "-C", _root(), f"-j{os.cpu_count()}", "build/libarsync.so"])
    return os.path.realpath(os.path.join(directory, "libarsync.so"))


def _modules():
    package = os.path.join(_HERE, "arsync")
    return [os.path.join(package, name) for name in sorted(os.listdir(package)) if name.endswith(".py")]


def _metadata():
    with open(os.path.join(_HERE, "README.md")) as readme:
        description = readme.read()
    return (
        f"Metadata-Version: 2.1\nName: arsync\nVersion: {_version()}\n"
        "Summary: Copies of files and trees on Linux, fast and safely, on io_uring\n"
        "License: MIT\nRequires-Python: >=3.9\nClassifier: Operating System :: POSIX :: Linux\n"
        "Description-Content-Type: text/markdown\n\n" + description
    )


def _contents():
    """What the wheel has: names, and bytes or the file that has them."""
    for path in _modules():
        yield "arsync/" + os.path.basename(path), path
    library = _library()
    yield "arsync/lib/libarsync.so.0", library
    needs = subprocess.run(["ldd", library], stdout=subprocess.PIPE, check=True, text=True).stdout
    for name, path in re.findall(r"(liburing\.so\.\d+) => (\S+)", needs):
        yield "arsync/lib/" + name, path
    info = f"arsync-{_version()}.dist-info/"
    yield info + "METADATA", _metadata().encode()
    yield info + "WHEEL", f"Wheel-Version: 1.0\nGenerator: arsync\nRoot-Is-Purelib: false\nTag: {_tag()}\n".encode()
    yield info + "LICENSE", os.path.join(_root(), "LICENSE")


def _tag():
    return "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """See PEP 517."""
    name = f"arsync-{_version()}-{_tag()}.whl"
    record = f"arsync-{_version()}.dist-info/RECORD"
    lines = []
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for inside, content in _contents():
            if not isinstance(content, bytes):
                with open(content, "rb") as file:
                    content = file.read()
            hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{inside},sha256={hashed},{len(content)}\n")
            wheel.writestr(inside, content)
        wheel.writestr(record, "".join(lines) + f"{record},,\n")
    return name


def build_sdist(sdist_directory, config_settings=None):
    """See PEP 517."""
    base = f"arsync-{_version()}"
    with tarfile.open(os.path.join(sdist_directory, base + ".tar.gz"), "w:gz") as sdist:
        for name in ("pyproject.toml", "README.md", "backend/build_wheel.py"):
            sdist.add(os.path.join(_HERE, name), f"{base}/{name}")
        for path in _modules():
            sdist.add(path, f"{base}/arsync/{os.path.basename(path)}")
        for name in _NEEDED:
            sdist.add(os.path.join(_root(), name), f"{base}/libarsync/{name}")
        metadata = os.path.join(sdist_directory, "PKG-INFO")
        with open(metadata, "w") as file:
            file.write(_metadata())
        sdist.add(metadata, f"{base}/PKG-INFO")
        os.remove(metadata)
    return base + ".tar.gz"
