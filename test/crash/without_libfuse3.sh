#!/usr/bin/env bash
# In the place of test/crash where it cannot be built.
echo 'SKIP: crashes of real filesystems: no libfuse3 to record them by'
exit 77
