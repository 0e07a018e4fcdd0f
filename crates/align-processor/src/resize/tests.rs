//! Streaming convolution, compared with a simple reference.

use super::*;
use crate::resize::taps::{PRECISION_BITS, Taps};
use proptest::prelude::*;

/// The reference: two whole passes with an image between them, in wide integers.
fn reference<const C: usize>(
    src: &[u8],
    from: Dimensions,
    to: Dimensions,
    filter: Filter,
) -> Vec<u8> {
    let kernel = filter.kernel().unwrap();
    let weigh = |taps: &Taps, i: usize, read: &dyn Fn(usize) -> u8| {
        let window = taps.windows[i];
        let sum: i64 = (window.start..window.end)
            .zip(taps.weights(window))
            .map(|(x, w)| i64::from(read(x)) * i64::from(*w))
            .sum();
        ((sum + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS).clamp(0, 255) as u8
    };
    let horizontal = |src: &[u8], height: usize| -> Vec<u8> {
        if from.width == to.width {
            return src.to_vec();
        }
        let taps = Taps::new(from.width, to.width, kernel);
        (0..height * to.width * C)
            .map(|i| {
                let (y, x, c) = (i / C / to.width, i / C % to.width, i % C);
                weigh(&taps, x, &|s| src[(y * from.width + s) * C + c])
            })
            .collect()
    };
    let vertical = |src: &[u8], width: usize| -> Vec<u8> {
        if from.height == to.height {
            return src.to_vec();
        }
        let taps = Taps::new(from.height, to.height, kernel);
        (0..to.height * width * C)
            .map(|i| {
                let (y, rest) = (i / C / width, i % (width * C));
                weigh(&taps, y, &|s| src[s * width * C + rest])
            })
            .collect()
    };
    if convolve::vertical_first(from, to) {
        horizontal(&vertical(src, from.width), to.height)
    } else {
        vertical(&horizontal(src, from.height), to.width)
    }
}

fn size() -> impl Strategy<Value = Dimensions> {
    (1_usize..40, 1_usize..40).prop_map(|(height, width)| Dimensions { height, width })
}

proptest! {
    #[test]
    fn streaming_equals_two_whole_passes(
        from in size(), to in size(), code in 1_u64..8, seed in any::<u64>()
    ) {
        let mut state = seed | 1;
        let src: Vec<u8> = (0..from.area() * 3)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 56) as u8
            })
            .collect();
        let filter = Filter::from_code(code).unwrap();
        prop_assert_eq!(
            resize::<3>(&src, from, to, filter),
            reference::<3>(&src, from, to, filter)
        );
        let gray = &src[..from.area()];
        prop_assert_eq!(
            resize::<1>(gray, from, to, filter),
            reference::<1>(gray, from, to, filter)
        );
    }

    #[test]
    fn a_flat_image_stays_flat(from in size(), to in size(), code in 0_u64..8, v in any::<u8>()) {
        let src = vec![v; from.area() * 3];
        let out = resize::<3>(&src, from, to, Filter::from_code(code).unwrap());
        prop_assert!(out.iter().all(|p| *p == v));
    }
}

#[test]
fn the_same_size_is_a_copy() {
    let size = Dimensions { height: 2, width: 3 };
    let src: Vec<u8> = (0..18).collect();
    for code in 0..8 {
        assert_eq!(resize::<3>(&src, size, size, Filter::from_code(code).unwrap()), src);
    }
}

#[test]
fn the_vertical_pass_comes_first_where_the_height_shrinks_most() {
    let first = |from: (usize, usize), to: (usize, usize)| {
        let size = |(height, width)| Dimensions { height, width };
        convolve::vertical_first(size(from), size(to))
    };
    assert!(!first((480, 640), (346, 346)));
    assert!(first((640, 480), (346, 346)), "294 rows fewer, 134 columns");
    assert!(!first((640, 493), (346, 346)), "twice as many is not more than twice");
    assert!(first((640, 492), (346, 346)));
    assert!(first((10, 5), (9, 50)), "the width grows");
    assert!(!first((10, 5), (10, 50)));
    assert!(!first((10, 50), (11, 500)), "the height grows");
}
