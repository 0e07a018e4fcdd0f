//! The commands that both programs run.

use super::models::{Inputs, Model};

/// One run of the program: its arguments, and whether it writes a file.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) arguments: Vec<String>,
    /// The run gets `--output FILE`, with this extension, and the file is compared too.
    pub(super) output: Option<&'static str>,
}

/// The commands for a model. Lines of JSON hold `f32` values in their shortest exact form, so they lose nothing.
pub(super) fn commands(model: &Model) -> Vec<Case> {
    let Inputs { images, texts, labels, templates } = model.inputs();
    let embed = |kind: &str, inputs: &[String], more: &[&str]| {
        let mut arguments = vec!["embed".to_owned(), kind.to_owned()];
        arguments.extend(inputs.iter().cloned());
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    };
    let mut classify = vec!["classify".to_owned()];
    classify.extend(images.iter().cloned());
    classify.extend(["--format", "jsonl"].map(String::from));
    for label in labels {
        classify.extend(["--label".to_owned(), label.clone()]);
    }
    for template in templates {
        classify.extend(["--template".to_owned(), template.clone()]);
    }
    let unit = ["--format", "jsonl"];
    // Without unit length, so that a difference in scale cannot hide.
    let raw = ["--raw"];
    let mut cases = vec![
        case("embed image --raw, .npy", embed("image", images, &raw), Some("npy")),
        case("embed text --raw, .npy", embed("text", texts, &raw), Some("npy")),
        case("classify, jsonl", classify, None),
    ];
    if !model.is_large() {
        cases.push(case("embed image, jsonl", embed("image", images, &unit), None));
        cases.push(case("embed text, jsonl", embed("text", texts, &unit), None));
    }
    cases
}

fn case(name: &'static str, arguments: Vec<String>, output: Option<&'static str>) -> Case {
    Case { name, arguments, output }
}
