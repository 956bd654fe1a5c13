#include "unit/failing.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <iterator>
#include <new>
#include <pthread.h>

#if FAILING_IN_C
extern "C" void* __libc_malloc(size_t);
extern "C" void* __libc_calloc(size_t, size_t);
extern "C" void* __libc_realloc(void*, size_t);
extern "C" void* __libc_memalign(size_t, size_t);
#endif

namespace failing {

namespace {

struct Wish {
    std::atomic<long> given = -1; // until one is not; all are below 0
    std::atomic<bool> for_ever = false;
    std::atomic<bool> failed = false;
};
Wish wishes[2];
std::atomic<long> in_use = 0;
thread_local bool is_tester = false;
thread_local bool is_in_call = false;

bool fails_now(What what) {
    if (is_tester && !is_in_call)
        return false;
    Wish& wish = wishes[static_cast<size_t>(what)];
    long given = wish.given.load();
    do {
        if (given < 0)
            return false;
    } while ((given > 0 || !wish.for_ever.load()) &&
             !wish.given.compare_exchange_weak(given, given - 1));
    if (given == 0)
        wish.failed.store(true);
    return given == 0;
}

size_t count(const char* directory) {
    const std::filesystem::directory_iterator all(directory);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

} // namespace

void after(What what, long given, bool for_ever) {
    is_tester = true;
    Wish& wish = wishes[static_cast<size_t>(what)];
    wish.failed.store(false);
    wish.for_ever.store(for_ever);
    wish.given.store(given);
}

bool end(What what) {
    Wish& wish = wishes[static_cast<size_t>(what)];
    wish.given.store(-1);
    return wish.failed.load();
}

Call::Call() {
    is_in_call = true;
}
Call::~Call() {
    is_in_call = false;
}

long allocations() {
    return in_use.load();
}
size_t threads() {
    return count("/proc/self/task");
}
size_t descriptors() {
    return count("/proc/self/fd");
}

namespace {

// What the C library has itself, beside those below.
void* take(size_t size, size_t alignment) {
#if FAILING_IN_C
    return alignment > 0 ? __libc_memalign(alignment, size) : __libc_malloc(size);
#else
    return alignment > 0 ? aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                         : malloc(size);
#endif
}

void* allocate(size_t size, size_t alignment = 0) noexcept {
    if (fails_now(What::allocation))
        return nullptr;
    void* const memory = take(size, alignment);
    in_use.fetch_add(memory != nullptr, std::memory_order_relaxed);
    return memory;
}

void* allocate_or_throw(size_t size, size_t alignment = 0) {
    void* const memory = allocate(size, alignment);
    if (!memory)
        throw std::bad_alloc();
    return memory;
}

void release(void* memory) noexcept {
    in_use.fetch_sub(memory != nullptr, std::memory_order_relaxed);
    free(memory);
}

size_t number(std::align_val_t alignment) {
    return static_cast<size_t>(alignment);
}

} // namespace

} // namespace failing

// All of them, for a sanitizer has its own, which do not fit together with these.
void* operator new(size_t size) {
    return failing::allocate_or_throw(size);
}
void* operator new[](size_t size) {
    return failing::allocate_or_throw(size);
}
void* operator new(size_t size, std::align_val_t alignment) {
    return failing::allocate_or_throw(size, failing::number(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
    return failing::allocate_or_throw(size, failing::number(alignment));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
    return failing::allocate(size);
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
    return failing::allocate(size);
}
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return failing::allocate(size, failing::number(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return failing::allocate(size, failing::number(alignment));
}
void operator delete(void* memory) noexcept {
    failing::release(memory);
}
void operator delete[](void* memory) noexcept {
    failing::release(memory);
}
void operator delete(void* memory, size_t) noexcept {
    failing::release(memory);
}
void operator delete[](void* memory, size_t) noexcept {
    failing::release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    failing::release(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
    failing::release(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
    failing::release(memory);
}
void operator delete[](void* memory, size_t, std::align_val_t) noexcept {
    failing::release(memory);
}

#if FAILING_IN_C
template <class Allocate>
static void* fail_or(Allocate allocate) {
    if (!failing::fails_now(failing::What::allocation))
        return allocate();
    errno = ENOMEM;
    return nullptr;
}

extern "C" void* malloc(size_t size) noexcept {
    return fail_or([&] { return __libc_malloc(size); });
}
extern "C" void* calloc(size_t count, size_t size) noexcept {
    return fail_or([&] { return __libc_calloc(count, size); });
}
extern "C" void* realloc(void* memory, size_t size) noexcept {
    return fail_or([&] { return __libc_realloc(memory, size); });
}
extern "C" void* memalign(size_t alignment, size_t size) noexcept {
    return fail_or([&] { return __libc_memalign(alignment, size); });
}
extern "C" void* aligned_alloc(size_t alignment, size_t size) noexcept {
    return memalign(alignment, size);
}
extern "C" int posix_memalign(void** memory, size_t alignment, size_t size) noexcept {
    *memory = memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}
#endif

#ifndef __GLIBC__ // musl, which is linked in, and of which pthread_create is a weak name
extern "C" int __pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
#endif

static auto create_for_real() {
#ifdef __GLIBC__
    using Create = decltype(&pthread_create);
    static const auto found = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
    return found;
#else
    return &__pthread_create;
#endif
}

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*body)(void*),
                              void* argument) noexcept(noexcept(pthread_create(thread, attributes,
                                                                               body, argument))) {
    if (failing::fails_now(failing::What::thread))
        return EAGAIN;
    return create_for_real()(thread, attributes, body, argument);
}
