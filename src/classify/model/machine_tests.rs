//! The machine on points that can be told by eye, and its bytes.

use super::super::file::bytes_of;
use super::*;

fn at(dense: Vec<f32>) -> Row {
    Row { sparse: vec![(1, 1.0)], dense }
}

/// Two rings, one within the other: no straight line parts them.
fn rings() -> Vec<(Row, bool, usize)> {
    let point = |n: usize| {
        let (angle, inner) = (n as f32 * 2.4, n.is_multiple_of(2));
        let radius = if inner { 0.12 } else { 0.3 };
        (at(vec![radius * angle.cos(), radius * angle.sin(), 0.0, 0.1]), inner, n / 2 % FOLDS)
    };
    (0..200).map(point).collect()
}

fn fitted() -> Machine {
    let rings = rings();
    Machine::fit(&Sides {
        first: 3,
        features: 2,
        rows: rings.iter().map(|(row, plain, part)| (row, *plain, *part)).collect(),
    })
}

#[test]
fn it_tells_what_no_straight_line_parts_and_says_how_sure() {
    let machine = fitted();
    for (row, plain, _) in rings() {
        let probability = machine.probability(&row);
        assert!(if plain { probability > 0.8 } else { probability < 0.2 }, "{row:?} {plain} {probability}");
    }
    let between = machine.probability(&at(vec![0.21, 0.0, 0.0, 0.1]));
    assert!((0.1..0.9).contains(&between), "{between}");
    assert_eq!(fitted(), machine, "the same examples give the same bits");
    assert!(machine.weights.len() < 150, "what lies far from the border is not kept");
}

#[test]
fn words_part_what_lies_in_one_place() {
    let row = |word: u32, n: usize| {
        let angle = n as f32;
        Row { sparse: vec![(word, 0.8), (2, 0.6)], dense: vec![0.1 * angle.cos(), 0.1 * angle.sin()] }
    };
    let rows: Vec<(Row, bool, usize)> =
        (0..80).map(|n| (row(u32::from(n % 2 == 0), n), n % 2 == 0, n / 2 % FOLDS)).collect();
    let rows = rows.iter().map(|(row, plain, part)| (row, *plain, *part)).collect();
    let machine = Machine::fit(&Sides { first: 2, features: 3, rows });
    assert!(machine.probability(&row(1, 500)) > 0.9 && machine.probability(&row(0, 500)) < 0.1);
    let unknown = Row { sparse: vec![(77, 1.0)], dense: vec![0.1, 0.0] };
    assert!((0.1..0.9).contains(&machine.probability(&unknown)));
}

#[test]
fn it_is_stored_and_read() {
    let machine = fitted();
    let (numbers, bytes) = machine.stored();
    let numbers = bytes_of(numbers);
    let load = |mut numbers: &[u8], cells: &[u8]| {
        let shape = Shape { features: 2, dense: 4 };
        Machine::load(machine.curve(), shape, 3, &mut numbers, &mut Bytes::copy_from_slice(cells))
    };
    assert_eq!(load(&numbers, bytes).unwrap(), machine);
    assert!(load(&numbers[4..], bytes).is_err() && load(&numbers, &bytes[1..]).is_err());
}

#[test]
fn the_pair_by_pair_solution_has_no_pair_left_to_move() {
    // Three points on a line with a known answer: the outer two carry the border between them.
    let vectors: Vec<Vec<f32>> = vec![vec![0.0], vec![0.1], vec![0.3]];
    let ngrams = [vec![(0, 0.6), (2, 0.8)], vec![(2, 1.0)], vec![]];
    let with = pairs(&vectors, 1, &ngrams.each_ref(), 3);
    let pairs = pairs(&vectors, 1, &[&vec![], &vec![], &vec![]], 3);
    assert!((pairs[1] - (-0.01_f32).exp()).abs() < 1e-6 && (pairs[0] - 1.0).abs() < 1e-6);
    let more: Vec<f32> = with.iter().zip(&pairs).map(|(with, without)| with - without).collect();
    for (more, product) in more.iter().zip([1.0, 0.8, 0.0, 0.8, 1.0, 0.0, 0.0, 0.0, 0.0]) {
        assert!((more - WORDS_SHARE * product).abs() < 1e-6, "{more} for {product}");
    }
    let solved = solve(&pairs, &[1.0, 1.0, -1.0], &|_| true);
    assert!((solved.weights.iter().sum::<f32>()).abs() < 1e-4, "{:?}", solved.weights);
    let without = solve(&pairs, &[1.0, 1.0, -1.0], &|place| place != 1);
    assert_eq!(without.weights[1], 0.0);
    assert!(without.values[1] > without.values[2]);
}
