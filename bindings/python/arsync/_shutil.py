"""Copies with the signatures and the exceptions of shutil."""

import contextlib
import ctypes
import errno
import os
import shutil
import stat
import sys
import threading

from . import _library as c
from ._completion import Completion, Descriptors
from ._enums import Answer, Flags, Kind, Preserve, Stage, Symlinks, Update, Want
from ._errors import error_of
from ._options import check, ends_of, options_of
from ._pool import Pool, _raw

# What one thread copies by itself; more is copied by a pool, where KeyboardInterrupt can stop it.
_ALONE_MAX = 4 << 20
_COPY2 = Preserve.MODE | Preserve.TIMES | Preserve.XATTR
# An attribute that the destination does not take is left out, as shutil's copystat does.
_NOT_TAKEN = (errno.EPERM, errno.ENOTSUP, errno.ENODATA, errno.EINVAL, errno.EACCES)

_own_lock = threading.RLock()  # a signal's handler may copy, whatever it has interrupted
_own = []


def own_pool():
    """The module's own pool, open from its first use on."""
    with _own_lock:
        if not _own:
            made = Pool()
            if not _own:  # nor has a handler opened it meanwhile
                _own.append(made)
        return _own[0]


@contextlib.contextmanager
def _some_pool():
    """The module's own pool. In a signal's handler that has interrupted a call of it, one for this once: nobody knows
    there that shutil's functions have a pool, so they must not be refused."""
    own = own_pool()
    if own._is_entered():
        with Pool() as own:
            yield own
    else:
        yield own


def _forget_own_pool():
    global _own_lock
    _own_lock = threading.RLock()  # who held it is not in this process
    _own.clear()


os.register_at_fork(after_in_child=_forget_own_pool)


def copy_one(src, dst, *, src_dir=None, dst_dir=None, user_data=None, **options):
    """Copy one file, or with Flags.RECURSIVE a tree, and return its Completion when that is done.

    The arguments are those of Pool.submit. The calling thread copies what is small, without a pool; and
    nothing stops it before it is done, neither a signal nor an exception.
    """
    made = options_of(options)
    if made.flags & Flags.RECURSIVE:
        made.want |= Want.ERROR_PATH
    raw = ctypes.create_string_buffer(_raw.size)
    src_fd, src_name, dst_fd, dst_name = ends_of(src, src_dir, dst, dst_dir, made)
    try:
        result = c.call("copy", src_fd, src_name, dst_fd, dst_name, ctypes.byref(made), raw)
        fields = _raw.unpack(raw)
        if fields[9] == Stage.NONE:  # it did not begin
            check(result, made, src)
        done = Completion(fields, user_data)
        if made.want & Want.FD and result >= 0:  # an exception has no room for it
            done._descriptors = Descriptors()
            done._descriptors.taken.extend(map(c.library.arsync_take_fd, (None,), (raw,)))
    finally:
        c.library.arsync_details_free(_raw.unpack(raw)[11])  # which closes what was not taken
    if result < 0:
        raise error_of(fields, src, dst, done.details and done.details.error_path)
    return done


# ---- Files ----


def copyfile(src, dst, *, follow_symlinks=True):
    """Copy the content of a file, as shutil.copyfile does. Returns dst."""
    if not follow_symlinks and os.path.islink(src):
        return shutil.copyfile(src, dst, follow_symlinks=False)
    _copy_file(src, dst, Flags.DEFAULT_MODE, 0)
    return dst


def copy(src, dst, *, follow_symlinks=True):
    """Copy content and mode, as shutil.copy does: dst may be a directory. Returns the copy's path."""
    if not follow_symlinks and os.path.islink(src):
        return shutil.copy(src, dst, follow_symlinks=False)
    dst = _below_directory(src, dst)
    _copy_file(src, dst, 0, Preserve.MODE)
    return dst


def copy2(src, dst, *, follow_symlinks=True):
    """Copy content, mode, times and extended attributes, as shutil.copy2 does. Returns the copy's path."""
    if not follow_symlinks and os.path.islink(src):
        return shutil.copy2(src, dst, follow_symlinks=False)
    dst = _below_directory(src, dst)
    _copy_file(src, dst, 0, _COPY2)
    return dst


def _below_directory(src, dst):
    return os.path.join(dst, os.path.basename(src)) if os.path.isdir(dst) else dst


def _copy_file(src, dst, flags, preserve):
    sys.audit("shutil.copyfile", src, dst)
    src, dst = os.fspath(src), os.fspath(dst)
    options = {"flags": flags | Flags.DANGLING, "preserve": preserve}
    try:
        _copy_alone_or_not(src, dst, options)
    except OSError as error:
        if _is_only_an_attribute(error):
            return
        stage = getattr(error, "stage", Stage.NONE)
        if stage == Stage.CHECK and error.errno == errno.EINVAL:
            raise shutil.SameFileError(f"{src!r} and {dst!r} are the same file") from None
        if stage != Stage.CHECK or error.errno != errno.EOPNOTSUPP:
            raise
        for name in (src, dst):
            if _is_fifo(name):
                raise shutil.SpecialFileError(f"`{name}` is a named pipe") from None
        # A device: shutil reads it as it would a file.
        _copy_alone_or_not(src, dst, {**options, "flags": options["flags"] | Flags.SPECIAL})


def _copy_alone_or_not(src, dst, options):
    try:
        alone = os.stat(src).st_size <= _ALONE_MAX
    except OSError:
        alone = True
    if alone:
        copy_one(src, dst, **options)
    else:
        with _some_pool() as pool:
            _wait(pool.submit(src, dst, **options))


def _is_fifo(name):
    try:
        return stat.S_ISFIFO(os.stat(name).st_mode)
    except OSError:
        return False


def _is_only_an_attribute(error):
    return getattr(error, "stage", None) == Stage.XATTR and error.errno in _NOT_TAKEN


def _wait(job):
    try:
        return job.wait()
    finally:
        _end(job)


def _end(job):
    """Wait for the end in any case: a job whose caller has gone on with an exception is cancelled."""
    if not job.done():
        job.cancel()
        job._pool._wait(job.done)


# ---- Trees ----


def copytree(
    src,
    dst,
    symlinks=False,
    ignore=None,
    copy_function=copy2,
    ignore_dangling_symlinks=False,
    dirs_exist_ok=False,
):
    """Copy a directory with all that is in it, as shutil.copytree does, with all workers of a pool.

    shutil.Error has a list of what failed, (source, destination, why) each; all else is copied. With another
    copy_function than copy2, of this module or of shutil, it is shutil's own, which calls that for each file.

    It differs in this: FIFOs and sockets are made anew, where shutil tells of an error; a directory in the way
    of a file is an error, where shutil copies into it; a link below dst to a file is replaced, not written
    through; a relative link is taken for dangling only if it leads nowhere from where it is; a copy of a directory into
    one further below itself, of which shutil finds no end, is ELOOP. A copy right into itself is shutil's own,
    too, as is one of which ignore leaves out a name with a newline.
    """
    as_shutil = copy_function
    if copy_function in (copy, copyfile):
        as_shutil = shutil.copy if copy_function == copy else shutil.copyfile
    left_out = []
    # A copy within its own source is not found there by shutil, which lists that one before.
    possible = copy_function in (copy2, shutil.copy2) and not _is_in(dst, src)
    if possible and ignore is not None:
        left_out = list(_ignored(src, ignore, symlinks, b"/"))
        possible = not any(b"\n" in path for path in left_out)  # no line can say that
    if not possible:
        return shutil.copytree(
            src, dst, symlinks, ignore, as_shutil, ignore_dangling_symlinks, dirs_exist_ok
        )
    sys.audit("shutil.copytree", src, dst)
    os.scandir(src).close()  # for its exceptions
    was_there = os.path.lexists(dst)
    os.makedirs(dst, exist_ok=dirs_exist_ok)
    try:
        with _some_pool() as pool:
            job = pool.submit_tree(
                os.fspath(src),
                os.fspath(dst),
                preserve=_COPY2,
                symlinks=Symlinks.FOLLOW_TOP if symlinks else Symlinks.FOLLOW,
                filter=b"\n".join(left_out) if left_out else None,
                flags=Flags.KEEP_DIRECTORY_SYMLINK if dirs_exist_ok else 0,
                # A link replaces nothing, and what it would replace the library tells by asking.
                update=Update.ASK if symlinks and dirs_exist_ok else Update.ALL,
            )
            errors = list(_errors(job, os.fspath(src), os.fspath(dst), ignore_dangling_symlinks))
    except OSError:  # of the whole copy
        if not was_there:
            with contextlib.suppress(OSError):
                os.rmdir(dst)
        raise
    if errors:
        raise shutil.Error(errors)
    return dst


def _is_in(path, directory):
    path, directory = (os.path.realpath(os.fsencode(name)) for name in (path, directory))
    return directory in (path, os.path.dirname(path))


def _errors(job, src, dst, ignore_dangling_symlinks):
    """What failed, as shutil.Error has it."""
    told = False
    try:
        for entry in job:
            srcname, dstname = _below(src, entry.path), _below(dst, entry.path)
            if entry.kind == Kind.QUESTION:
                if not stat.S_ISLNK(entry.details.source.mode):
                    entry.answer(Answer.REPLACE)
                    continue
                entry.answer(Answer.SKIP)
                yield srcname, dstname, _why_no_link(srcname, dstname)
            if entry.error is None:
                continue
            told = True
            if _is_only_an_attribute(entry.error):
                continue
            dangles = entry.error.errno == errno.ENOENT and os.path.islink(srcname)
            if not (dangles and ignore_dangling_symlinks):
                yield srcname, dstname, str(entry.error)
        try:
            job.wait()
        except OSError:
            if not told:
                raise
    finally:
        _end(job)


def _why_no_link(src, dst):
    """What os.symlink would say of something in its way."""
    try:
        return str(FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.readlink(src), None, dst))
    except OSError as why:
        return str(why)


def _below(root, path):
    if not path:
        return root
    return os.path.join(root, os.fsencode(path) if isinstance(root, bytes) else path)


def _ignored(directory, ignore, symlinks, prefix):
    """What is left out of a directory and of those below it, as lines of a filter."""
    try:
        with os.scandir(directory) as entries:
            entries = list(entries)
    except OSError:
        return  # the copy will tell
    names = ignore(os.fspath(directory), [entry.name for entry in entries])
    for entry in entries:
        path = prefix + _literally(os.fsencode(entry.name))
        if entry.name in names:
            yield path
        elif _is_directory(entry, follow_symlinks=not symlinks):
            yield from _ignored(entry, ignore, symlinks, path + b"/")


def _is_directory(entry, follow_symlinks):
    try:
        return entry.is_dir(follow_symlinks=follow_symlinks)
    except OSError:
        return False  # the copy will tell


def _literally(name):
    """A pattern that is this name and no other."""
    pattern = b"".join(b"\\" + bytes([byte]) if byte in b"\\*?[]!# " else bytes([byte]) for byte in name)
    return pattern.replace(b"\r", b"[\r]")  # of itself it is not part of a line that ends in it
