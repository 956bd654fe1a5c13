// Whether the tests are built with a sanitizer. What sanitizers make slow is done with less.
#pragma once

#ifndef __has_feature
#define __has_feature(x) 0
#endif

namespace arsync {

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
constexpr bool thread_sanitized = true;
#else
constexpr bool thread_sanitized = false;
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = thread_sanitized;
#endif

} // namespace arsync
