// A job's events are its owner's: not while they are looked at.
fn main() {
    let pool = arsync::Pool::open().unwrap();
    let mut job = pool.copy("a", "b", &arsync::CopyOptions::new()).unwrap();
    let events = job.events();
    job.wait().unwrap();
    for _ in events {}
}
