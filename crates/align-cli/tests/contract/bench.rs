//! `align bench`.

use crate::run::Folder;

#[test]
fn both_towers_are_timed() {
    let lines = Folder::new().run(&["bench", "--batch", "2", "--tokens", "5"]).json_lines();
    let timings = &lines[0];
    assert_eq!(timings["precision"], "f32");
    assert_eq!(timings["threads"], 1);
    assert!(timings["isa"].is_string());
    assert_eq!(timings["image"]["batch"], 2);
    assert_eq!(timings["text"]["batch"], 2);
    assert_eq!(timings["text"]["tokens"], 5);
    assert!(timings["image"].get("tokens").is_none());
    for tower in ["image", "text"] {
        let ms = |field| timings[tower][field].as_f64().unwrap();
        assert!(0.0 < ms("min_ms") && ms("min_ms") <= ms("median_ms"));
    }
}

#[test]
fn a_size_that_the_model_does_not_take_is_an_error() {
    Folder::new()
        .run(&["bench", "--tokens", "129"])
        .fails(1, &["input_ids: expected 1 to 128 tokens in a text, found 129"]);
}
