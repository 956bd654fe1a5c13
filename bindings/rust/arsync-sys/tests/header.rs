//! Each declaration is that of the header that is installed: constants, layouts and prototypes are
//! handed to the C compiler, which has the header, as C.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::process::Command;

const CONSTANTS: &str = include_str!("../src/constants.rs");
const STRUCTS: &str = include_str!("../src/structs.rs");
const FUNCTIONS: &str = include_str!("../src/functions.rs");

/// Compile C after the header, and panic with what the compiler says.
fn compiles(name: &str, source: &str) {
    let file = env::temp_dir().join(format!("arsync-sys-{}-{name}.c", std::process::id()));
    fs::write(&file, format!("#include <stddef.h>\n#include <arsync.h>\n{source}")).unwrap();
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    let output = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"])
        .args(["-I", env!("ARSYNC_INCLUDE")])
        .arg(&file)
        .output()
        .expect("a C compiler");
    fs::remove_file(&file).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The header without its comments.
fn header() -> String {
    let text = fs::read_to_string(concat!(env!("ARSYNC_INCLUDE"), "/arsync.h")).unwrap();
    let mut bare = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("/*") {
        bare.push_str(before);
        rest = after.split_once("*/").expect("the end of a comment").1;
    }
    bare + rest
}

fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with(prefix))
        .map(String::from)
        .collect()
}

fn same(ours: &BTreeSet<String>, theirs: &BTreeSet<String>) {
    let missing: Vec<_> = theirs.difference(ours).collect();
    let extra: Vec<_> = ours.difference(theirs).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing: {missing:?}, extra: {extra:?}");
}

/// (name, expression) of each constant. Expressions are the same in both languages.
fn constants() -> Vec<(&'static str, &'static str)> {
    let declaration = |rest: &'static str| {
        let (name, value) = rest.split_once(": u32 =").expect("a u32");
        (name.trim(), value.split_once(';').expect("its end").0)
    };
    CONSTANTS.split("pub const ").skip(1).map(declaration).collect()
}

#[test]
fn constants_have_the_values_of_the_header() {
    let mut source = String::new();
    for (name, value) in constants() {
        source += &format!("_Static_assert(({name}) == ({value}), \"{name}\");\n");
    }
    compiles("constants", &source);
}

#[test]
fn every_constant_of_the_header_is_here() {
    let ours: BTreeSet<String> = constants().iter().map(|(name, _)| name.to_string()).collect();
    // What is no part of the contract is not here.
    let others = ["ARSYNC_API", "ARSYNC_H", "ARSYNC_MEASURING", "ARSYNC_METHOD_HEAP"];
    let mut theirs = words(&header(), "ARSYNC_");
    theirs.retain(|name| !others.contains(&name.as_str()) && name != "ARSYNC_METHOD_MANAGED");
    same(&ours, &theirs);
}

#[test]
fn structs_have_the_layout_of_the_header() {
    let mut source = String::new();
    let mut fields = 0;
    for line in STRUCTS.lines() {
        let Some(assertion) =
            line.trim().strip_prefix("assert!(").and_then(|l| l.strip_suffix(");"))
        else {
            continue;
        };
        let c = assertion
            .replace("offset_of!(", "offsetof(")
            .replace("size_of::<", "sizeof(")
            .replace(">()", ")");
        source += &format!("_Static_assert({c}, \"{c}\");\n");
        fields += 1;
    }
    assert!(fields > 100);
    compiles("structs", &source);
}

/// (struct, field, type) of each field.
fn fields() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut of = "";
    let mut fields = Vec::new();
    for line in STRUCTS.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            of = rest.split([' ', '{']).next().unwrap();
        } else if let Some(rest) = line.strip_prefix("pub ").and_then(|l| l.strip_suffix(',')) {
            let (field, kind) = rest.split_once(": ").unwrap();
            fields.push((of, field, kind));
        }
    }
    fields
}

#[test]
fn every_field_is_where_it_is() {
    for (of, field, _) in fields() {
        let check = format!("assert!(offset_of!({of}, {field}) ==");
        assert!(STRUCTS.contains(&check), "{of}.{field}");
    }
}

#[test]
fn fields_have_the_types_of_the_header() {
    let mut source = String::new();
    for (of, field, kind) in fields() {
        let array = kind.strip_prefix('[').and_then(|rest| rest.split_once("; "));
        let (kind, first) = array.map_or((kind, ""), |(kind, _)| (kind, "[0]"));
        let c = c_type(kind);
        let is = format!("_Generic((({of}*)0)->{field}{first}, {c}: 1, default: 0)");
        source += &format!("_Static_assert({is}, \"{of}.{field}\");\n");
    }
    compiles("types", &source);
}

#[test]
fn every_struct_of_the_header_is_here() {
    for name in words(&header(), "arsync_") {
        if header().contains(&format!("typedef struct {name} {{")) {
            assert!(STRUCTS.contains(&format!("pub struct {name} {{")), "{name}");
        }
    }
}

/// A type, as C writes it.
fn c_type(rust: &str) -> String {
    let rust = rust.trim();
    if let Some(to) = rust.strip_prefix("*const ") {
        return format!("const {}*", c_type(to));
    }
    if let Some(to) = rust.strip_prefix("*mut ") {
        return format!("{}*", c_type(to));
    }
    match rust {
        "c_int" => "int".into(),
        "c_char" => "char".into(),
        "c_void" => "void".into(),
        "u16" => "uint16_t".into(),
        "u32" => "uint32_t".into(),
        "i32" => "int32_t".into(),
        "i64" => "int64_t".into(),
        "u64" => "uint64_t".into(),
        "usize" => "size_t".into(),
        name => name.into(),
    }
}

/// (name, arguments, result) of each function, as text.
fn functions() -> Vec<(&'static str, &'static str, &'static str)> {
    let declaration = |rest: &'static str| {
        let (name, rest) = rest.split_once('(').unwrap();
        let (arguments, rest) = rest.split_once(')').unwrap();
        let result = rest.split_once(';').unwrap().0.trim();
        (name, arguments, result.strip_prefix("->").unwrap_or("void"))
    };
    FUNCTIONS.split("pub fn ").skip(1).map(declaration).collect()
}

#[test]
fn functions_have_the_prototypes_of_the_header() {
    let mut source = String::new();
    for (name, arguments, result) in functions() {
        let types: Vec<String> = arguments
            .split(',')
            .filter_map(|argument| argument.split_once(':'))
            .map(|(_, rust)| c_type(rust))
            .collect();
        let list = if types.is_empty() { "void".into() } else { types.join(", ") };
        // Where it is not what the header says, it is an error to say it again.
        source += &format!("{} {name}({list});\n", c_type(result));
    }
    compiles("functions", &source);
}

#[test]
fn every_function_of_the_header_is_here() {
    let ours: BTreeSet<String> = functions().iter().map(|(name, _, _)| name.to_string()).collect();
    let text = header();
    let mut theirs = BTreeSet::new();
    for declaration in text.split("\nARSYNC_API ").skip(1) {
        let (before, _) = declaration.split_once('(').unwrap();
        theirs.insert(before.rsplit([' ', '*']).next().unwrap().to_string());
    }
    same(&ours, &theirs);
}

#[test]
fn the_library_that_runs_is_of_this_version() {
    // SAFETY: it takes nothing.
    let version = unsafe { arsync_sys::arsync_version_number() };
    assert!(version >= arsync_sys::ARSYNC_VERSION_NUMBER);
}
