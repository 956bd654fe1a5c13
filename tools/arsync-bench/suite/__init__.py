"""The benchmark suite: see `run`, `full` and `trace` beside this folder."""
