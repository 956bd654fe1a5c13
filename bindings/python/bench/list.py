"""list.py FROM TO - copy the files in the directory FROM to the directory TO as one list, and print the seconds
that took, from before the list is made until each of its items has been told of."""

import os
import sys
import time

import arsync


def main():
    src, dst = sys.argv[1:]
    names = os.listdir(src)
    src, dst = os.open(src, os.O_RDONLY), os.open(dst, os.O_RDONLY)
    with arsync.Pool() as pool:
        start = time.monotonic()
        job = pool.submit_list([(name, name, name) for name in names], src_dir=src, dst_dir=dst)
        told = 0
        for item in job:
            if item.error is not None:
                raise item.error
            told += 1
        assert told == len(names)
        print(f"{time.monotonic() - start:.4f}")


main()
