//! Finds libarsync by pkg-config. With `ARSYNC_STATIC` set it links `libarsync.a`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // docs.rs builds the documentation alone, and has no libarsync.
    if std::env::var_os("DOCS_RS").is_some() {
        return;
    }
    let found = pkg_config::Config::new().range_version("0.1".."1").probe("arsync");
    let library = found.unwrap_or_else(|error| fail(&error));
    let include = library.include_paths.first().map_or("/usr/include".into(), |path| path.clone());
    // To crates that build C against the header (DEP_ARSYNC_INCLUDE), and to the tests of this one.
    println!("cargo:include={}", include.display());
    println!("cargo:rustc-env=ARSYNC_INCLUDE={}", include.display());
}

fn fail(error: &pkg_config::Error) -> ! {
    eprintln!(
        "libarsync 0.1 or later was not found.\n\n\
         Install it from its source by `make install`, or set PKG_CONFIG_PATH to the directory in\n\
         which arsync.pc is, as /usr/local/lib/pkgconfig. pkg-config itself has to be installed.\n\n\
         {error}"
    );
    std::process::exit(1);
}
