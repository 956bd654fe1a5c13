"""copytree, copy2, copy and copyfile beside shutil's: the same tree, result or exception of both."""

import errno
import os
import shutil
import socket
import stat
import tempfile

import pytest

import arsync
from arsync import Kind, Preserve, Stage, Want


def described(path):
    """Everything below a path, with what shutil keeps of it."""
    found = {}
    for where, dirs, files in os.walk(path):
        for name in dirs + files + [""]:
            full = os.path.join(where, name) if name else where
            st = os.lstat(full)
            told = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_mtime_ns]
            if stat.S_ISLNK(st.st_mode):
                told.append(os.readlink(full))
            elif stat.S_ISREG(st.st_mode):
                with open(full, "rb") as file:
                    told.append(file.read())
                told.append({n: os.getxattr(full, n) for n in os.listxattr(full) if n != "security.selinux"})
            found[os.path.relpath(full, path)] = told
    return found


def what_comes_of(function, *arguments, **options):
    """The result, or the exception with what is in it."""
    try:
        return function(*arguments, **options)
    except shutil.Error as error:
        if isinstance(error.args[0], list):
            return type(error), sorted(error.args[0])
        return type(error), str(error)
    except OSError as error:
        return type(error), error.errno, error.filename


def normal(result, name):
    return repr(result).replace(f"/{name}/", "/ONE/").replace(f"/{name}'", "/ONE'")


class Both:
    """The same place made twice: for shutil, and for arsync."""

    def __init__(self, path):
        self.roots = {"shutil": os.path.join(path, "shutil"), "arsync": os.path.join(path, "arsync")}

    def make(self, maker):
        for root in self.roots.values():
            os.makedirs(root, exist_ok=True)
            maker(root)
            settle(root)

    def do(self, name, *paths, **options):
        """Call the function of both modules, and say that they do the same. Returns what they return."""
        results = {}
        for module in (shutil, arsync):
            root = self.roots[module.__name__]
            arguments = [os.path.join(root, path) for path in paths]
            results[module] = what_comes_of(getattr(module, name), *arguments, **options)
        one, other = normal(results[shutil], "shutil"), normal(results[arsync], "arsync")
        assert other == one
        return results[arsync]

    def same(self, *but):
        one, other = (described(root) for root in self.roots.values())
        for name in but:
            one.pop(name), other.pop(name)
        # Directories that a test itself has changed have times of their own.
        one["."], other["."] = None, None
        assert other == one
        return other


@pytest.fixture
def both(tmp_path):
    return Both(str(tmp_path))


def write(root, name, content="hello", mode=0o644):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(content)
    os.chmod(path, mode)
    os.utime(path, ns=(1500000000123456789, 1500000000123456789))


def tree(root):
    write(root, "src/a", mode=0o600)
    write(root, "src/dir/b.py", "b" * 100000)
    write(root, "src/dir/b.pyc")
    write(root, "src/dir/deep/c", mode=0o4755)
    write(root, "src/with * and [x]?")
    write(root, "src/ends with space ")
    write(root, "src/back\\slash")
    os.mkdir(os.path.join(root, "src/empty"), 0o750)
    os.symlink("a", os.path.join(root, "src/link"))
    os.symlink("dir", os.path.join(root, "src/dirlink"))
    try:
        os.setxattr(os.path.join(root, "src/a"), "user.color", b"blue")
    except OSError:
        pass  # not on this filesystem


def settle(root):
    """The same times for all that is there, whenever it was made."""
    for where, dirs, files in os.walk(root, topdown=False):
        for name in dirs + files:
            time = 1400000000000000001
            os.utime(os.path.join(where, name), ns=(time, time), follow_symlinks=False)


def test_a_tree(both):
    both.make(tree)
    result = both.do("copytree", "src", "dst")
    assert result.endswith("/dst")
    assert "dst/dirlink/b.py" in both.same()


def test_a_tree_with_links_kept(both):
    both.make(tree)
    both.do("copytree", "src", "dst", symlinks=True)
    assert stat.S_ISLNK(both.same()["dst/dirlink"][0])


def test_a_destination_that_is_there(both):
    both.make(tree)
    both.make(lambda root: write(root, "dst/a", "old and longer"))
    both.do("copytree", "src", "dst")
    both.same("dst")
    both.do("copytree", "src", "dst", dirs_exist_ok=True)
    both.do("copytree", "src", "new/dst/on/the/way")
    both.same("new", "new/dst", "new/dst/on", "new/dst/on/the")


def test_sources_that_are_none(both):
    both.make(lambda root: write(root, "file"))
    assert both.do("copytree", "missing", "dst")[0] is FileNotFoundError
    assert both.do("copytree", "file", "dst")[0] is NotADirectoryError
    both.same()


def test_dangling_links(both):
    # shutil looks for what a relative link leads to in the working directory.
    both.make(lambda root: write(root, "src/a"))
    both.make(lambda root: os.symlink("/nowhere", os.path.join(root, "src/dangling")))
    assert both.do("copytree", "src", "dst")[0] is shutil.Error
    both.do("copytree", "src", "dst2", ignore_dangling_symlinks=True)
    both.do("copytree", "src", "dst3", symlinks=True)
    both.same()


def test_links_that_lead_to_themselves(both):
    both.make(lambda root: write(root, "src/a"))
    both.make(lambda root: os.symlink("loop", os.path.join(root, "src/loop")))
    told = both.do("copytree", "src", "dst")
    assert told[0] is shutil.Error and "[Errno 40]" in told[1][0][2]
    both.same()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(both):
    both.make(tree)
    both.make(lambda root: os.chmod(os.path.join(root, "src/dir/b.py"), 0))
    both.make(lambda root: os.chmod(os.path.join(root, "src/empty"), 0))
    assert len(both.do("copytree", "src", "dst")[1]) == 2


def test_what_is_in_the_way(tmp_path):
    tree(tmp_path)
    os.makedirs(tmp_path / "dst/dir/b.py")
    write(tmp_path, "dst/empty")
    with pytest.raises(shutil.Error) as caught:
        arsync.copytree(tmp_path / "src", tmp_path / "dst", dirs_exist_ok=True)
    told = {os.path.relpath(src, tmp_path): (os.path.relpath(dst, tmp_path), why) for src, dst, why in caught.value.args[0]}
    assert set(told) == {"src/dir/b.py", "src/empty"}
    assert told["src/dir/b.py"][0] == "dst/dir/b.py"
    assert told["src/dir/b.py"][1] == f"[Errno 21] Is a directory: '{tmp_path}/dst/dir/b.py'"


def test_patterns_to_ignore(both):
    both.make(tree)
    both.do("copytree", "src", "dst", ignore=shutil.ignore_patterns("*.pyc", "deep", "back*"))
    assert "dst/dir/b.pyc" not in both.same()


def test_whatever_ignore_says(both):
    asked = {}

    def ignore(directory, names):
        asked.setdefault("/arsync/" in directory, []).append((os.path.basename(directory), sorted(names)))
        return {"with * and [x]?", "ends with space ", "back\\slash"} & set(names)

    both.make(tree)
    both.make(lambda root: write(root, "src/with ten and x!"))
    both.do("copytree", "src", "dst", ignore=ignore)
    assert sorted(asked[True]) == sorted(asked[False])
    assert "dst/with ten and x!" in both.same()


def test_names_with_a_newline_are_ignored(both):
    both.make(tree)
    both.make(lambda root: (write(root, "src/new\nline"), write(root, "src/new_line")))
    both.do("copytree", "src", "dst", ignore=lambda _, names: [n for n in names if "\n" in n])
    assert "dst/new_line" in both.same()


def test_names_that_end_in_a_carriage_return_are_ignored(both):
    both.make(lambda root: [write(root, f"src/{name}") for name in ("a", "a\r", "b\r", "b\rb", "dir\r/c", "dir/c")])
    both.do("copytree", "src", "dst", ignore=lambda _, names: {"a\r", "b\rb", "dir\r"} & set(names))
    found = both.same()
    assert {"dst/a", "dst/b\r", "dst/dir/c"} < set(found) and not {"dst/a\r", "dst/b\rb", "dst/dir\r"} & set(found)


def test_links_that_lead_to_themselves_are_told_of_with_ignore_too(both):
    both.make(tree)
    both.make(lambda root: os.symlink("loop", os.path.join(root, "src/loop")))
    told = both.do("copytree", "src", "dst", ignore=shutil.ignore_patterns("*.pyc"))
    assert told[0] is shutil.Error and len(told[1]) == 1
    assert "dst/dir/deep/c" in both.same()


def test_a_link_takes_the_place_of_nothing(both):
    both.make(tree)
    both.make(lambda root: (write(root, "dst/link", "stays"), write(root, "dst/a", "is replaced")))
    both.make(lambda root: os.symlink("elsewhere", os.path.join(root, "dst/dirlink")))
    told = both.do("copytree", "src", "dst", symlinks=True, dirs_exist_ok=True)
    assert told[0] is shutil.Error and len(told[1]) == 2 and "[Errno 17] File exists: 'a' -> " in told[1][1][2]
    found = both.same()
    assert found["dst/link"][3] == b"stays" and found["dst/a"][3] == b"hello"


def test_links_to_directories_at_the_destination_are_gone_through(both):
    both.make(tree)
    both.make(lambda root: (os.makedirs(os.path.join(root, "there/dir")), os.mkdir(os.path.join(root, "of dir"))))
    both.make(lambda root: os.symlink("there", os.path.join(root, "dst")))
    both.make(lambda root: (os.rmdir(root + "/there/dir"), os.symlink("../of dir", root + "/there/dir")))
    both.do("copytree", "src", "dst", dirs_exist_ok=True)
    found = both.same("there")
    assert stat.S_ISLNK(found["dst"][0]) and stat.S_ISLNK(found["there/dir"][0]) and "of dir/deep/c" in found


def test_a_tree_into_itself(both):
    both.make(tree)
    both.do("copytree", "src", "src/backup")
    assert "src/backup/dir/deep/c" in both.same("src", "src/backup")
    both.do("copytree", "src", "src/backup", dirs_exist_ok=True)
    both.do("copytree", "src", "src")
    # shutil finds no end.
    root = both.roots["arsync"]
    assert what_comes_of(arsync.copytree, root + "/src", root + "/src/dir/other")[:2] == (OSError, errno.ELOOP)
    assert not os.path.exists(root + "/src/dir/other")


def test_other_functions_copy_each_file(both):
    calls = []

    def function(src, dst):
        calls.append(src)
        return shutil.copyfile(src, dst)

    both.make(tree)
    both.do("copytree", "src", "dst", copy_function=function)
    assert len(calls) == 2 * 11
    both.do("copytree", "src", "dst2", copy_function=shutil.copy)
    assert arsync.copytree(both.roots["arsync"] + "/src", both.roots["arsync"] + "/dst3", copy_function=arsync.copy)


def test_a_function_needs_no_hash(both):
    class Function:
        __hash__ = None

        def __call__(self, src, dst):
            return shutil.copyfile(src, dst)

    both.make(tree)
    both.do("copytree", "src", "dst", copy_function=Function())


def test_what_fails_at_the_root_is_the_roots(both, monkeypatch):
    both.make(tree)
    root = both.roots["arsync"]
    raw = (1, 0, 0, 0, 0, -errno.EIO, Kind.ENTRY, 0, 0, Stage.TIMES, 0, 0)
    told = arsync.Completion(raw, None)
    told.path, told.error = "", OSError(errno.EIO, "no")

    def copy_that_fails(pool, *arguments, **options):
        job = pool.submit(root + "/src/a", root + "/dst/a")
        job.wait()
        job._unread.append(told)
        return job

    monkeypatch.setattr(arsync.Pool, "submit_tree", copy_that_fails)
    for encoded in (os.fspath, os.fsencode):
        src, dst = encoded(root + "/src"), encoded(root + "/dst")
        with pytest.raises(shutil.Error) as caught:
            arsync.copytree(src, dst, dirs_exist_ok=True)
        assert caught.value.args[0] == [(src, dst, "[Errno 5] no")]


def test_bytes_and_path_objects(both, tmp_path):
    both.make(tree)
    root = both.roots["arsync"]
    assert arsync.copytree(os.fsencode(root + "/src"), os.fsencode(root + "/dst")) == os.fsencode(root + "/dst")
    shutil.copytree(both.roots["shutil"] + "/src", both.roots["shutil"] + "/dst")
    both.same()
    assert arsync.copytree(tmp_path / "arsync/src", tmp_path / "arsync/2") == tmp_path / "arsync/2"
    assert arsync.copy(tmp_path / "arsync/src/a", tmp_path / "arsync/3") == tmp_path / "arsync/3"


@pytest.mark.parametrize("name", ["copyfile", "copy", "copy2"])
def test_files(both, name):
    both.make(tree)
    both.make(lambda root: write(root, "there", "much longer than that", 0o640))
    both.make(lambda root: os.symlink("made", os.path.join(root, "to be made")))
    both.make(lambda root: os.mkdir(os.path.join(root, "directory")))
    both.do(name, "src/a", "new")
    both.do(name, "src/dir/b.py", "there")
    both.do(name, "src/link", "of a link")
    both.do(name, "src/link", "as a link", follow_symlinks=False)
    both.do(name, "src/link", "there", follow_symlinks=False)
    both.do(name, "src/a", "to be made")
    both.do(name, "src/a", "directory")
    both.do(name, "src/a", "src/a")
    both.do(name, "src/a", "src/link")
    both.do(name, "missing", "new2")
    both.do(name, "src", "new2")
    both.do(name, "src/a", "missing/new")
    both.do(name, "src/a", "src/a/new")
    found = described(both.roots["arsync"])
    assert found["made"][3] == b"hello"
    if name == "copy2":
        both.same("directory", "src")
        return
    # The times of what was just made differ, and nothing else.
    for one, other in zip(*(described(root).items() for root in both.roots.values())):
        assert (one[0], one[1][:2], one[1][3:]) == (other[0], other[1][:2], other[1][3:])


@pytest.mark.parametrize("name", ["copyfile", "copy", "copy2"])
def test_special_files(both, name):
    def make(root):
        write(root, "file")
        os.mkfifo(os.path.join(root, "fifo"))
        # A device of its own for root, who would change the mode and the times of the machine's.
        if os.geteuid() == 0:
            os.mknod(os.path.join(root, "device"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
        else:
            os.symlink("/dev/null", os.path.join(root, "device"))

    both.make(make)
    assert both.do(name, "fifo", "new")[0] is shutil.SpecialFileError
    assert both.do(name, "file", "fifo")[0] is shutil.SpecialFileError
    both.do(name, "device", "null")
    both.do(name, "file", "device")
    os.chdir(both.roots["arsync"])
    with socket.socket(socket.AF_UNIX) as there:
        there.bind("socket")
        with pytest.raises(OSError):
            getattr(arsync, name)("socket", "new")


def test_a_large_file(both):
    both.make(lambda root: write(root, "large", "0123456789abcdef" * 400000))
    both.do("copy2", "large", "copy")
    both.do("copy2", "large", "large")
    both.do("copy2", "large", "missing/copy")
    both.same()


def test_the_signatures():
    import inspect

    for name in ("copyfile", "copy", "copy2", "copytree"):
        ours, theirs = (inspect.signature(getattr(module, name)) for module in (arsync, shutil))
        assert list(ours.parameters) == list(theirs.parameters)
        for parameter in ours.parameters.values():
            same = theirs.parameters[parameter.name]
            assert parameter.kind == same.kind
            assert parameter.default == same.default or parameter.name == "copy_function"


def test_a_copy_that_lost_an_attribute_leaves_no_descriptor_open(tmp_path):
    if not os.access("/dev/shm", os.W_OK) or os.stat("/dev/shm").st_dev == os.stat("/var/tmp").st_dev:
        pytest.skip("it takes two filesystems")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as src, tempfile.TemporaryDirectory(dir="/var/tmp") as dst:
        try:
            os.setxattr(src.name, "user.large", b"x" * 30000)
        except OSError:
            pytest.skip("no extended attributes of that size")
        before = len(os.listdir("/proc/self/fd"))
        try:
            arsync.copy_one(src.name, dst + "/to", preserve=Preserve.XATTR, want=Want.FD)
        except OSError as error:
            assert error.stage == Stage.XATTR and os.path.exists(dst + "/to")
        else:
            pytest.skip("the other one takes them too")
        assert len(os.listdir("/proc/self/fd")) == before
