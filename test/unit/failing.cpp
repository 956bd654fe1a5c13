#include "unit/failing.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <iterator>
#include <new>
#include <pthread.h>

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

void* allocate(size_t size, size_t alignment = 0) noexcept {
    if (fails_now(What::allocation))
        return nullptr;
    void* const memory =
        alignment > 0 ? aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                      : malloc(size);
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
