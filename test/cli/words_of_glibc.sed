# What a program with musl says of errors and of options that are none, as glibc, and so cp, says it.
s/: Cross-device link$/: Invalid cross-device link/
s/: Filename too long$/: File name too long/
s/: I\/O error$/: Input\/output error/
s/: Not supported$/: Operation not supported/
s/: Resource busy$/: Device or resource busy/
s/: Symbolic link loop$/: Too many levels of symbolic links/
s/: unrecognized option: \(.\)$/: invalid option -- '\1'/
s/: unrecognized option: \(.*\)/: unrecognized option '--\1'/
s/: option requires an argument: \(.\)$/: option requires an argument -- '\1'/
s/: option requires an argument: \(.*\)/: option '--\1' requires an argument/
s/: option does not take an argument: \(.*\)/: option '--\1' doesn't allow an argument/
