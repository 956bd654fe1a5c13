// Nothing is added to a list that was finished.
fn main() {
    let pool = arsync::Pool::open().unwrap();
    let mut list = pool.list(&arsync::CopyOptions::new()).unwrap();
    let _job = list.finish().unwrap();
    list.add("a", "b", 0).unwrap();
}
