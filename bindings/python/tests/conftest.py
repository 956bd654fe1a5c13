"""What the tests share: a directory of each test's own, with a file "from"."""

import os

import pytest

import arsync

FILE_SIZE = (3 << 20) + 123
_DATA = bytes((i * 2654435761 >> 13) & 255 for i in range(65536)) * (FILE_SIZE // 65536 + 1)


class Work:
    def __init__(self, path):
        self.dir = str(path)
        self.pools = []
        self.write("from", FILE_SIZE)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, size=10):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(_DATA[:size])
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def same(self, one, other):
        return self.read(one) == self.read(other)

    def tree(self, name):
        """One of five entries and 300 bytes."""
        self.write(name + "/a", 100)
        self.write(name + "/dir/b", 200)
        os.symlink("a", self.path(name + "/link"))

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def pool(self, **options):
        self.pools.append(arsync.Pool(**options))
        return self.pools[-1]


@pytest.fixture
def work(tmp_path):
    made = Work(tmp_path)
    yield made
    for pool in made.pools:
        pool.close()
