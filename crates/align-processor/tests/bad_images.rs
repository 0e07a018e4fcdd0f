//! Images that must be refused, each with its message, and extreme images that must not.

use align_processor::decode::{DecodeLimits, decode, open};
use align_processor::{ImageProcessor, ImageProcessorConfig, RgbImage};
use align_testing::processor::fixture;
use std::error::Error;

fn refusal(bytes: &[u8]) -> String {
    decode(bytes, &DecodeLimits::default()).unwrap_err().to_string()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]))
        .write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png)
        .unwrap();
    bytes
}

#[test]
fn no_image_at_all() {
    assert_eq!(refusal(b""), "image: the file is empty");
    for bytes in [&b"x"[..], b"not an image", b"<html></html>", &[0; 1000]] {
        let message = "image: not an image: the content is none of PNG, JPEG, WebP, GIF, BMP, TIFF";
        assert_eq!(refusal(bytes), message);
    }
    assert_eq!(
        refusal(b"P6\n1 1\n255\n\0\0\0"),
        "image: PNM images are not supported; expected PNG, JPEG, WebP, GIF, BMP or TIFF"
    );
}

#[test]
fn files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cat.jpg");
    let open_file = || open(&path, &DecodeLimits::default());
    let message = || open_file().unwrap_err().to_string();
    let missing = message();
    assert_eq!(missing, format!("cannot read {}", path.display()));
    // The cause is the source, so that a chain of errors names it once.
    let error = open_file().unwrap_err();
    let cause = error.source().expect("the operating system's error");
    assert!(cause.to_string().starts_with("No such file"), "{cause}");
    std::fs::write(&path, b"").unwrap();
    assert_eq!(message(), format!("{}: the file is empty", path.display()));
}

#[test]
fn every_truncated_file_is_refused() {
    let mut formats = 0;
    for entry in std::fs::read_dir(fixture("formats")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        // A file may lack the part after its pixels, so the cuts are well inside.
        for keep in [bytes.len() / 4, bytes.len() / 2] {
            let error = match decode(&bytes[..keep], &DecodeLimits::default()) {
                // The first of several pictures is complete.
                Ok(_) if name.contains("animated") || name.contains("two-pages") => continue,
                Ok(_) => panic!("{name}: {keep} of {} bytes were accepted", bytes.len()),
                Err(error) => error.to_string(),
            };
            let extension = name.rsplit_once('.').unwrap().1;
            let format = extension.replace("jpg", "jpeg");
            assert!(error.to_lowercase().contains(&format), "{name}: {error}");
        }
        formats += 1;
    }
    assert!(formats > 80, "only {formats} files");
    assert_eq!(
        refusal(&png(9, 9)[..60]),
        "image: truncated PNG image: the file ends before the image does"
    );
}

#[test]
fn damaged_files_give_an_error_or_an_image_but_no_panic() {
    for entry in std::fs::read_dir(fixture("formats")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let mut state = 1_u64;
        for _ in 0..24 {
            let mut damaged = bytes.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (state >> 33) as usize % damaged.len();
                damaged[at] = (state >> 25) as u8;
            }
            let limits = DecodeLimits::default().with_max_pixels(1 << 20);
            let _ = decode(&damaged, &limits);
        }
    }
}

/// The file with `value` at the offset `at`, such as the size in its header.
fn resized_header(bytes: &[u8], at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + value.len()].copy_from_slice(value);
    bytes
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_allocation() {
    let huge = 0x7fff_0000_u32;
    let mut bomb =
        resized_header(&png(3, 3), 16, &[huge.to_be_bytes(), huge.to_be_bytes()].concat());
    let checksum = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!(
        refusal(&bomb),
        "image: the image is 2147418112x2147418112 (width x height), beyond the limit of \
         178956970 pixels and 1048576 a side"
    );
    let read = |name: &str| std::fs::read(fixture("formats").join(name)).unwrap();
    let le = |value: u32| [value.to_le_bytes(), value.to_le_bytes()].concat();
    for bomb in [
        resized_header(&read("rgb.bmp"), 18, &le(0xfde8)),
        resized_header(&read("p.gif"), 6, &[0xff; 4]),
        // The first directory entry is the width. Its value is its last four bytes.
        resized_header(&read("rgb16.tiff"), 10 + 8, &0x00ff_ffff_u32.to_le_bytes()),
    ] {
        let error = refusal(&bomb);
        assert!(error.contains("beyond the limit of 178956970 pixels"), "{error}");
    }
}

#[test]
fn a_header_without_pixels_is_refused() {
    let read = |name: &str| std::fs::read(fixture("formats").join(name)).unwrap();
    let empty = resized_header(&png(3, 3), 16, &[0; 8]);
    assert_eq!(refusal(&empty), "image: the image is 0x0 (width x height): it has no pixels");
    for empty in [
        resized_header(&read("rgb.bmp"), 18, &[0; 8]),
        resized_header(&read("rgb16.tiff"), 10 + 8, &[0; 4]),
        // The size of the screen, and that of the frame after the colour table and the separator.
        [&b"GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff,"[..], &[0; 9], b"\x02\x02\x4c\x01\0;"]
            .concat(),
    ] {
        refusal(&empty);
    }
}

#[test]
fn limits_can_be_chosen() {
    let limits = DecodeLimits::default().with_max_pixels(99);
    assert!(decode(&png(9, 11), &limits).is_ok());
    let error = decode(&png(10, 10), &limits).unwrap_err().to_string();
    assert!(error.contains("10x10 (width x height), beyond the limit of 99 pixels"), "{error}");
    let limits = DecodeLimits::default().with_max_side(9);
    assert!(decode(&png(10, 1), &limits).is_err());
    let limits = DecodeLimits::default().with_max_bytes(20);
    let error = decode(&png(1, 1), &limits).unwrap_err().to_string();
    assert_eq!(error, "image: the file is longer than the limit of 20 bytes");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.png");
    std::fs::write(&path, png(1, 1)).unwrap();
    assert!(open(&path, &limits).unwrap_err().to_string().ends_with("the limit of 20 bytes"));
}

#[test]
fn the_smallest_and_the_thinnest_images_work() {
    let processor = ImageProcessor::from_pretrained(fixture("legacy")).unwrap();
    for (width, height) in [(1, 1), (60_000, 1), (1, 60_000), (2, 1)] {
        let image = processor.decode(&png(width, height)).unwrap();
        assert_eq!(processor.preprocess(&image).unwrap().shape(), [3, 289, 289]);
    }
    let error = processor.preprocess(&RgbImage::new(0, 3)).unwrap_err().to_string();
    assert!(error.contains("no side zero, found [3, 0, 3]"), "{error}");
}

#[test]
fn arrays_and_batches_that_do_not_fit() {
    let mut config = ImageProcessorConfig::default();
    config.do_resize = false;
    let processor = ImageProcessor::from_config(config).unwrap();
    let images = [RgbImage::new(4, 3), RgbImage::new(4, 3), RgbImage::new(3, 4)];
    assert_eq!(processor.preprocess_batch(&images[..2]).unwrap().shape(), [2, 3, 3, 4]);
    assert_eq!(processor.preprocess_batch(&[]).unwrap().shape(), [0, 3, 0, 0]);
    assert_eq!(
        processor.preprocess_batch(&images).unwrap_err().to_string(),
        "image 2 of the batch is 4x3 (height x width) after preprocessing, the first one 3x4 \
         (height x width); a batch needs one size"
    );
    let array = |channels| ndarray::Array3::<u8>::zeros((3, 4, channels));
    let refusal =
        |channels| processor.preprocess_array(array(channels).view()).unwrap_err().to_string();
    assert!(refusal(2).contains("with 1 or 3 channels and no side zero, found [3, 4, 2]"));
    assert_eq!(refusal(1), "`image_mean` has 3 values for an image of 1 channels");
}

/// The CRC-32 of PNG.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
