//! The example with the progress bar, run as a program.

mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use support::Work;

/// Where cargo has put it beside this test.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/tree")
}

fn run(work: &Work, from: &str, answers: &str) -> Output {
    let mut child = Command::new(example())
        .args([work.join(from), work.join("copy")])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn example_copies_a_tree_and_asks() {
    let work = Work::new();
    work.make_tree();
    work.make_dir("copy/a");
    work.make("copy/a/0", 10);
    let output = run(&work, "tree", "k\n");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("a/0: 5000 bytes in place of 10?"), "{text}");
    assert!(text.contains("6 files, 3 directories, 0 skipped, 0 errors"), "{text}");
    assert!(
        work.has("copy/a/0", 10) && work.has("copy/a/0 (1)", 5000) && work.has("copy/b/2", 5000)
    );
}

#[test]
fn example_stops_when_told() {
    let work = Work::new();
    work.make_tree();
    work.make_dir("copy/a");
    work.make("copy/a/0", 10);
    assert!(!run(&work, "tree", "q\n").status.success());
    assert!(work.has("copy/a/0", 10));
}

#[test]
fn example_tells_what_is_missing() {
    let work = Work::new();
    let output = run(&work, "missing", "");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing: No such file or directory"));
}
