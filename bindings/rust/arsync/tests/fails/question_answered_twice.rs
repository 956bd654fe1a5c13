// A question is answered once.
fn main() {
    let pool = arsync::Pool::open().unwrap();
    let mut job = pool.copy("a", "b", &arsync::CopyOptions::new()).unwrap();
    if let Some(arsync::Event::Question(question)) = job.next_event() {
        question.answer(arsync::Answer::Skip).unwrap();
        question.answer(arsync::Answer::Replace).unwrap();
    }
}
