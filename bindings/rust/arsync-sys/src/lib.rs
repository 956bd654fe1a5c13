//! Declarations of libarsync's C interface, `arsync.h`, for 64-bit Linux.
//!
//! They are written by hand, with the header's names; tests compare each constant,
//! layout and prototype with the header that is installed. What a function does and needs the header
//! says (and `man 3 arsync`). The safe interface is the crate `arsync`.
//!
//! The library is found by pkg-config. With `ARSYNC_STATIC=1` in the environment of the build it is
//! linked statically.

#![no_std]
#![deny(missing_docs)]
#![allow(non_camel_case_types)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("libarsync is for 64-bit Linux");

mod constants;
mod functions;
mod structs;

pub use constants::*;
pub use functions::*;
pub use structs::*;
