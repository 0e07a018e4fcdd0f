//! `align info`.

use crate::run::{Folder, Ran, model};
use align_testing::checkpoint::write_weights;

#[test]
fn the_model_and_the_machine_are_described() {
    let lines = Folder::new().run(&["info"]).json_lines();
    let info = &lines[0];
    let found = &info["model"];
    assert_eq!(found["path"], model().to_str().unwrap());
    assert_eq!(found["model_type"], "align");
    assert_eq!(found["embedding_size"], 160);
    assert_eq!(found["temperature"], 0.0625);
    assert_eq!(found["text"]["vocabulary"], 4096);
    let file = std::fs::metadata(model().join("model.safetensors")).unwrap();
    assert_eq!(found["bytes"], file.len());
    assert_eq!(found["non_finite"].as_array().unwrap().len(), 0);
    // The parameters are the towers, the projection [160, 96] with its bias, and the temperature.
    let parameters = |part: &str| found[part]["parameters"].as_u64().unwrap();
    let all = parameters("vision") + parameters("text") + 160 * 96 + 160 + 1;
    assert_eq!(found["parameters"], all);

    assert_eq!(info["precision"], "f32");
    assert_eq!(info["threads"], 1);
    let means: Vec<_> = info["precisions"].as_array().unwrap().iter().collect();
    let names: Vec<_> = means.iter().map(|means| means["precision"].as_str().unwrap()).collect();
    assert_eq!(names, ["f32", "bf16x3", "bf16", "int8"]);
    assert_eq!(means[0]["by"], "f32 multiply-adds");
    let known = ["emulated in f32 multiply-adds", "AVX512-BF16", "AMX tiles"];
    assert!(means[1..].iter().all(|means| known.contains(&means["by"].as_str().unwrap())));
    let found: Vec<_> = info["isas_found"].as_array().unwrap().iter().collect();
    assert_eq!(*found[0], "portable");
    assert_eq!(info["isa"], **found.last().unwrap());
}

#[test]
fn the_variable_lowers_the_instruction_set() {
    let folder = Folder::new();
    let ran = Ran::from_command(folder.command(&["info", "--quiet"]).env("ALIGN_ISA", "portable"));
    let lines = ran.json_lines();
    assert_eq!(lines[0]["isa"], "portable");
    // Without a folder it is the demo model, if the program has it.
    let demo = cfg!(feature = "demo-model").then_some("the demo model");
    assert_eq!(lines[0]["model"]["path"].as_str(), demo);
}

#[test]
fn a_tower_alone_is_described() {
    for (name, there, absent) in
        [("vision-only", "vision", "text"), ("text-only", "text", "vision")]
    {
        let folder = align_testing::tiny(name);
        let ran = Folder::new().run(&["info", "--model", folder.to_str().unwrap()]);
        let lines = ran.json_lines();
        let found = &lines[0]["model"];
        assert_eq!(found[there]["parameters"], found["parameters"], "{name}");
        assert!(found[absent].is_null() && found["temperature"].is_null());
    }
}

#[test]
fn weights_that_are_no_numbers_are_listed() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("broken")).unwrap();
    std::fs::copy(model().join("config.json"), folder.path("broken/config.json")).unwrap();
    write_weights(&folder.path("broken"), |name, values| {
        if name == "text_projection.bias" {
            (values[3], values[5]) = (f32::NAN, f32::INFINITY);
        }
    });
    let lines = folder.run(&["info", "--model", "broken"]).json_lines();
    let expected =
        serde_json::json!([{"tensor": "text_projection.bias", "nans": 1, "infinities": 1}]);
    assert_eq!(lines[0]["model"]["non_finite"], expected);
    let table = folder.run(&["info", "--model", "broken", "--format", "table"]).stdout;
    assert!(table.contains("text_projection.bias: 1 NaN, 1 infinite"), "{table}");
}

#[cfg(not(feature = "demo-model"))]
#[test]
fn no_model_is_said_and_the_machine_described() {
    let ran = Folder::new().run_without_model(&["info", "--format", "table"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.starts_with("no model: "));
    assert!(ran.stdout.contains("threads       1\n"), "{}", ran.stdout);
}
