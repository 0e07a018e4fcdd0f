use super::*;
use crate::npy::Dtype;
use crate::testing;
use align_tensor::{Isa, Threads};
use proptest::prelude::*;
use std::num::NonZeroUsize;

/// Groups by comparing all pairs in f64 and following the links.
fn reference(index: &Index, threshold: f64) -> Vec<Vec<usize>> {
    let rows: Vec<_> =
        (0..index.len()).map(|row| index.embedding(row).unwrap().mapv(f64::from)).collect();
    let mut groups = Vec::new();
    let mut seen = vec![false; rows.len()];
    for first in 0..rows.len() {
        let (mut group, mut next) = (Vec::new(), vec![first]);
        while let Some(row) = next.pop() {
            if !std::mem::replace(&mut seen[row], true) {
                group.push(row);
                next.extend(
                    (0..rows.len()).filter(|&other| rows[row].dot(&rows[other]) >= threshold),
                );
            }
        }
        group.sort();
        if group.len() > 1 {
            groups.push(group);
        }
    }
    groups
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn groups_are_those_of_all_pairs(rows in 0usize..700, seed in any::<u64>(), half in any::<bool>()) {
        let embeddings = testing::embeddings(rows, 5, seed);
        let dtype = if half { Dtype::F16 } else { Dtype::F32 };
        let (_folder, index) = testing::index(dtype, &embeddings);
        let threshold = 0.995;
        // No pair may be closer to the threshold than f32 can resolve.
        let wide: Vec<_> =
            (0..rows).map(|row| index.embedding(row).unwrap().mapv(f64::from)).collect();
        let near = |a: usize, b: usize| (wide[a].dot(&wide[b]) - threshold).abs() < 1e-6;
        prop_assume!(!(0..rows).any(|a| (0..a).any(|b| near(a, b))));
        let expected = reference(&index, threshold);
        for isa in Isa::available() {
            for threads in [1, 3] {
                let threads = Threads::new(NonZeroUsize::new(threads).unwrap());
                let runtime = Runtime::new().unwrap().with_isa(isa).with_threads(threads);
                let found = duplicates(&index, &runtime, threshold as f32).unwrap();
                let rows: Vec<Vec<usize>> =
                    found.iter().map(|group| group.iter().map(|hit| hit.row).collect()).collect();
                prop_assert_eq!(&rows, &expected);
                for group in found {
                    for hit in &group {
                        let [a, b] = [group[0].row, hit.row]
                            .map(|row| index.embedding(row).unwrap().mapv(f64::from));
                        prop_assert_eq!(hit.score, a.dot(&b) as f32);
                    }
                }
            }
        }
    }
}

#[test]
fn a_chain_is_one_group() {
    let mut sets = Sets::new(6);
    sets.join(4, 5);
    sets.join(1, 4);
    sets.join(5, 3);
    assert_eq!((0..6).map(|row| sets.first(row)).collect::<Vec<_>>(), [0, 1, 2, 1, 1, 1]);
}
