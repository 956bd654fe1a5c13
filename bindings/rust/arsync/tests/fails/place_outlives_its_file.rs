// A place borrows its descriptor.
use std::os::fd::AsFd;

fn main() {
    let place = {
        let file = std::fs::File::open("a").unwrap();
        arsync::Place::file(file.as_fd())
    };
    arsync::CopyOptions::new().copy_at(place, arsync::Place::path("b")).unwrap();
}
