//! Pixel values, compared with the oracle bit for bit.

use align_processor::{ImageProcessor, ImageProcessorConfig};
use align_testing::processor::{checksum, golden, pattern};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Golden {
    config: Map<String, Value>,
    channels: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    height: usize,
    width: usize,
    shape: [usize; 3],
    checksum: String,
    first: Vec<f32>,
}

#[test]
fn pixel_values_are_bit_identical() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for golden in golden::<Vec<Golden>>("pixel_values.json") {
        let config = ImageProcessorConfig::from_json(&golden.config).unwrap();
        let processor = ImageProcessor::from_config(config).unwrap();
        for case in &golden.cases {
            cases += 1;
            let seed = golden.channels as u64;
            let pixels = pattern(case.height, case.width, golden.channels, seed);
            let name = format!("{}x{} {:?}", case.height, case.width, golden.config);
            let values = match processor.preprocess_array(pixels.view()) {
                Ok(values) => values,
                Err(error) => {
                    wrong.push(format!("{name}: {error}"));
                    continue;
                }
            };
            assert_eq!(values.shape(), case.shape, "{name}");
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let first: Vec<f32> = values.iter().copied().take(4).collect();
            if checksum(&bytes) != case.checksum {
                wrong.push(format!("{name}: expected {:?}..., found {first:?}...", case.first));
            }
        }
    }
    assert!(cases > 100, "only {cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} differ: {wrong:#?}", wrong.len());
}
