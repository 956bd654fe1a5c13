"""list.py FROM TO COUNT - copy the files FROM/0, FROM/1 ... to TO as one list, and print the seconds it took,
from before the list is made until each of its items has been told of."""

import sys
import time

import arsync


def main():
    src, dst, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with arsync.Pool() as pool:
        start = time.monotonic()
        items = [(f"{src}/{i}", f"{dst}/{i}", i) for i in range(count)]
        job = pool.submit_list(items)
        told = 0
        for item in job:
            if item.error is not None:
                raise item.error
            told += 1
        assert told == count
        print(f"{time.monotonic() - start:.4f}")


main()
