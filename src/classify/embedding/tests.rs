use super::*;
#[test]
fn scratch_equal() {
    use std::io::BufRead;
    let embedder = Embedder::new().unwrap();
    let Ok(path) = std::env::var("SCRATCH") else { return };
    let mut bad = 0;
    let mut n = 0;
    for line in std::io::BufReader::new(std::fs::File::open(path).unwrap()).lines() {
        let (text, ids): (String, Vec<i32>) = serde_json::from_str(&line.unwrap()).unwrap();
        let ours = embedder.network.pieces.encode(&text, 128);
        n += 1;
        if ours != ids {
            bad += 1;
            if bad < 400 {
                println!("{text:?} ours {ours:?} theirs {ids:?}");
            }
        }
    }
    println!("{bad} bad of {n}");
}
