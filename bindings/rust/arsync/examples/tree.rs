//! Copies a tree with a progress bar, and asks what to do about what is at the destination.
//!
//! cargo run --example tree -- FROM TO

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use arsync::{Answer, Control, CopyOptions, Event, Pool, Preserve, Question, Update, Want};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [from, to] = &arguments[..] else {
        eprintln!("usage: tree FROM TO");
        return ExitCode::from(2);
    };
    match copy(from.as_ref(), to.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tree: {error}");
            ExitCode::FAILURE
        }
    }
}

fn copy(from: &Path, to: &Path) -> arsync::Result<()> {
    let options = CopyOptions::new()
        .recursive(true)
        .preserve(Preserve::MODE | Preserve::TIMES)
        .update(Update::Ask)
        .want(Want::TOTALS);
    let pool = Pool::open()?;
    let mut job = pool.copy(from, to, &options)?;
    let control = job.control();
    let bar = thread::spawn(move || show_progress(&control));
    let mut errors = 0;
    for event in job.events() {
        match event {
            Event::Question(question) => ask(question)?,
            Event::Entry(entry) => {
                if let Some(error) = entry.error() {
                    eprintln!("\r{error}\x1b[K");
                    errors += 1;
                }
            }
            _ => {}
        }
    }
    let result = job.wait();
    bar.join().expect("the progress bar does not panic");
    let done = result?;
    if let Some(totals) = done.totals() {
        eprintln!(
            "\r{} files, {} directories, {} skipped, {errors} errors\x1b[K",
            totals.files, totals.directories, totals.skipped
        );
    }
    Ok(())
}

/// Until the job has ended.
fn show_progress(control: &Control) {
    const WIDTH: u64 = 40;
    while let Some(progress) = control.progress() {
        let total = progress.bytes_total.max(1);
        let filled = (WIDTH * progress.bytes_done.min(total) / total) as usize;
        let bar = "#".repeat(filled) + &"-".repeat(WIDTH as usize - filled);
        let more = if progress.is_walking { "+" } else { "" };
        eprint!("\r[{bar}] {} of {}{more}\x1b[K", progress.entries_done, progress.entries_total);
        thread::sleep(Duration::from_millis(100));
    }
}

/// On the terminal: no answer is no.
fn ask(question: Question) -> arsync::Result<()> {
    let path = question.path().unwrap_or(Path::new(""));
    let (new, old) = (question.source(), question.destination());
    eprint!(
        "\r{}: {} bytes in place of {}? [s]kip, [r]eplace, [k]eep both, [q]uit \x1b[K",
        path.display(),
        new.size,
        old.size
    );
    let _ = io::stderr().flush();
    let mut line = String::new();
    let _ = io::stdin().lock().read_line(&mut line);
    question.answer(match line.trim() {
        "r" => Answer::Replace,
        "k" => Answer::KeepBoth,
        "q" => Answer::Stop,
        _ => Answer::Skip,
    })
}
