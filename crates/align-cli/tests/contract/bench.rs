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
    assert!(timings["image"].get("tokens").is_none() && timings.get("profile").is_none());
    for tower in ["image", "text"] {
        let ms = |field| timings[tower][field].as_f64().unwrap();
        assert!(0.0 < ms("min_ms") && ms("min_ms") <= ms("median_ms"));
    }
}

#[test]
fn a_profile_has_a_row_for_each_step() {
    let folder = Folder::new();
    let arguments = ["bench", "--tokens", "5", "--profile"];
    let lines = folder.run(&arguments).json_lines();
    let profile = &lines[0]["profile"];
    let peak = profile["peak_gflops"].as_f64().unwrap();
    assert!(peak > 0.0);
    for tower in ["image", "text"] {
        let rows = profile[tower].as_array().unwrap();
        assert!(rows.len() > 2, "{tower}");
        for row in rows {
            let number = |field: &str| row[field].as_f64().unwrap();
            assert!(row["layer"].is_string() && number("ms") >= 0.0);
            assert!((number("peak_share") - number("gflops") / peak).abs() < 1e-9);
        }
    }
    assert_eq!(profile["text"].as_array().unwrap().last().unwrap()["layer"], "text_projection");
    let table = folder.run(&[&arguments[..], &["--format", "table"]].concat()).stdout;
    assert!(table.contains("GFLOP/s") && table.contains("text_projection"), "{table}");
}

#[test]
fn a_size_that_the_model_does_not_take_is_an_error() {
    Folder::new()
        .run(&["bench", "--tokens", "129"])
        .fails(1, &["input_ids: expected 1 to 128 tokens in a text, found 129"]);
}
