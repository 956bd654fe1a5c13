// touch MIB: write to so much memory, and end, which frees it; at most to nine tenths of what is
// free, as more would push out what is cached.
//
// In huge pages where there are any, so that it takes a tenth of what a copy takes.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <sys/sysinfo.h>

int main(int argc, char** argv) {
    const size_t wanted = argc == 2 ? strtoul(argv[1], nullptr, 10) << 20 : 0;
    struct sysinfo memory_of = {};
    if (wanted == 0 || sysinfo(&memory_of) != 0) {
        fprintf(stderr, "usage: touch MIB\n");
        return 2;
    }
    const size_t free = memory_of.freeram * memory_of.mem_unit;
    const size_t size = std::min(wanted, free / 10 * 9);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    madvise(memory, size, MADV_HUGEPAGE);
    for (size_t at = 0; at < size; at += 4096)
        static_cast<volatile char*>(memory)[at] = 1;
    return 0;
}
