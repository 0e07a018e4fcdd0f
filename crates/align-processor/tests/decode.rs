//! Decoding of every kind of image file, compared with the oracle.

use align_processor::decode::{DecodeLimits, open};
use align_testing::processor::{checksum, fixture, golden};
use serde::Deserialize;

#[derive(Deserialize)]
struct Decoded {
    file: String,
    exact: bool,
    width: u32,
    height: u32,
    checksum: String,
}

#[test]
fn lossless_files_decode_exactly() {
    let mut wrong = Vec::new();
    for golden in golden::<Vec<Decoded>>("decoded.json").iter().filter(|golden| golden.exact) {
        let path = fixture("formats").join(&golden.file);
        match open(&path, &DecodeLimits::default()) {
            Ok(image) if image.dimensions() != (golden.width, golden.height) => {
                wrong.push(format!("{}: size {:?}", golden.file, image.dimensions()));
            }
            Ok(image) if checksum(image.as_raw()) != golden.checksum => {
                wrong.push(format!("{}: pixels differ", golden.file));
            }
            Ok(_) => {}
            Err(error) => wrong.push(error.to_string()),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// JPEG decoders may round differently, and decoders of lossy WebP may not.
///
/// The measured distance from libjpeg-turbo is at most 3 steps of 255 for any sample, and 0.3 on
/// average. Without chroma subsampling at quality 85, it is 2 and 0.01.
#[test]
fn lossy_files_decode_within_the_measured_distance() {
    for golden in golden::<Vec<Decoded>>("decoded.json").iter().filter(|golden| !golden.exact) {
        let open = |path| open(path, &DecodeLimits::default()).unwrap();
        let ours = open(fixture("formats").join(&golden.file));
        let oracle = open(fixture("decoded").join(format!("{}.png", golden.file)));
        assert_eq!(checksum(oracle.as_raw()), golden.checksum, "{}", golden.file);
        assert_eq!(ours.dimensions(), oracle.dimensions(), "{}", golden.file);

        let distances = ours.iter().zip(oracle.iter()).map(|(a, b)| a.abs_diff(*b));
        let max = distances.clone().max().unwrap();
        let mean = distances.map(f64::from).sum::<f64>() / oracle.len() as f64;
        let (max_bound, mean_bound) = match golden.file.as_str() {
            "444.jpg" => (2, 0.01),
            file if file.ends_with(".webp") => (0, 0.0),
            _ => (3, 0.3),
        };
        assert!(max <= max_bound && mean <= mean_bound, "{}: max {max}, mean {mean}", golden.file);
    }
}
