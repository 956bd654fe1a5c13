"""tree.py shutil|arsync FROM TO - copy a tree by the copytree of one of them, and print the seconds it took."""

import importlib
import sys
import time


def main():
    module = importlib.import_module(sys.argv[1])
    start = time.monotonic()
    module.copytree(sys.argv[2], sys.argv[3])
    print(f"{time.monotonic() - start:.4f}")


main()
