//! What the types allow, and what they do not.

use std::future::Future;

use arsync::{
    Completion, Control, CopyOptions, Error, Event, EventStream, Events, Job, LinkSet, List, Pool,
    Question,
};

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}
fn is_unpin<T: Unpin>() {}
fn is_static<T: 'static>() {}

#[test]
fn handles_go_from_thread_to_thread() {
    is_send::<Pool>();
    is_sync::<Pool>();
    is_send::<Job>();
    is_sync::<Job>();
    is_send::<List>();
    is_send::<LinkSet>();
    is_sync::<LinkSet>();
    is_send::<Control>();
    is_sync::<Control>();
    is_send::<CopyOptions>();
    is_sync::<CopyOptions>();
    is_send::<Event>();
    is_send::<Question>();
    is_send::<Completion>();
    is_sync::<Completion>();
    is_send::<Events<'_>>();
    is_send::<EventStream<'_>>();
}

#[test]
fn errors_go_anywhere() {
    is_send::<Error>();
    is_sync::<Error>();
    is_static::<Error>();
    let _: std::io::Error = arsync::copy("", "").unwrap_err().into();
    let _: Box<dyn std::error::Error + Send + Sync> = arsync::copy("", "").unwrap_err().into();
}

#[test]
fn futures_need_no_pin() {
    is_unpin::<Job>();
    is_unpin::<EventStream<'_>>();
    fn result<F: Future<Output = arsync::Result<Completion>> + Send + 'static>() {}
    result::<Job>();
}

/// What must not compile. The compiler's words differ from one version to the next: they are
/// compared by the version that wrote them.
#[test]
fn misuse_does_not_compile() {
    const WRITTEN_BY: &str = "rustc 1.95.";
    let version = std::process::Command::new(std::env::var("RUSTC").unwrap_or("rustc".into()))
        .arg("--version")
        .output()
        .expect("rustc");
    if !version.stdout.starts_with(WRITTEN_BY.as_bytes()) {
        println!("SKIP: misuse_does_not_compile: its messages are those of {WRITTEN_BY}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/fails/*.rs");
}
