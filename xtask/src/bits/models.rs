//! The models that are compared, and their inputs.
//!
//! Folders are kept under `target/bits`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::fixture;
use crate::synth;
use crate::workspace;
use align_synthetic::SyntheticModel;

/// The two fixtures of one tower, which are compared as one model.
const TOWERS: [&str; 2] = ["tiny/text-only", "tiny/vision-only"];
const JOINED: &str = "tiny/towers";

/// A model and what it is asked.
pub(super) struct Model {
    /// `None` for the model inside the program.
    folder: Option<PathBuf>,
    inputs: Inputs,
    large: bool,
}

/// What the commands get.
pub(super) struct Inputs {
    pub(super) images: Vec<String>,
    pub(super) texts: Vec<String>,
    pub(super) labels: Vec<String>,
    pub(super) templates: Vec<String>,
}

/// Every model: the demo model, two seeded ones, and the tiny fixtures.
pub(super) fn names() -> Result<Vec<String>> {
    let mut tiny = Vec::new();
    for entry in fs::read_dir(workspace::fixtures().join("tiny"))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let name = format!("tiny/{}", entry.file_name().to_string_lossy());
            if !TOWERS.contains(&name.as_str()) {
                tiny.push(name);
            }
        }
    }
    tiny.sort();
    tiny.push(JOINED.to_owned());
    let mut names = ["demo", "align-base", "tiny-synth"].map(String::from).to_vec();
    names.append(&mut tiny);
    Ok(names)
}

impl Model {
    /// Makes the model's folder if it is not there.
    pub(super) fn prepare(name: &str) -> Result<Self> {
        let folder = workspace::root().join("target/bits").join(name);
        let large = name == "align-base";
        match name {
            "demo" => {}
            "align-base" => seeded(&folder, SyntheticModel::AlignBase)?,
            "tiny-synth" => seeded(&folder, SyntheticModel::Tiny)?,
            JOINED => {
                let [text, vision] = TOWERS.map(|tower| workspace::fixtures().join(tower));
                fixture::join(&text, &vision, &folder)?;
            }
            tiny => fixture::copy(&workspace::fixtures().join(tiny), &folder)?,
        }
        Ok(Self { folder: (name != "demo").then_some(folder), inputs: Inputs::new(large)?, large })
    }

    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    pub(super) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Whether a forward takes seconds on the portable instruction set.
    pub(super) fn is_large(&self) -> bool {
        self.large
    }
}

impl Inputs {
    fn new(large: bool) -> Result<Self> {
        let mut images = Vec::new();
        for folder in ["demo-model/pictures", "images"] {
            for entry in fs::read_dir(workspace::fixtures().join(folder))? {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "png") {
                    images.push(path.to_str().context("a path is no text")?.to_owned());
                }
            }
        }
        images.sort();
        let mut texts = [
            "a photo of a cat",
            "a dog",
            "a red apple, a rainbow and 3 cars",
            "x",
            "a b c d e f g h i j k l",
        ]
        .map(String::from)
        .to_vec();
        if large {
            images.truncate(2);
            texts.truncate(3);
        } else {
            // More than a batch of eight, with a rest.
            images.extend(images.clone());
        }
        let labels = ["cat", "dog", "apple", "car"].map(String::from).to_vec();
        let templates = ["{}", "a photo of a {}"].map(String::from).to_vec();
        Ok(Self { images, texts, labels, templates })
    }
}

/// Writes a seeded checkpoint. The weights are written last and whole, so they tell a finished folder.
fn seeded(folder: &Path, model: SyntheticModel) -> Result<()> {
    if folder.join("model.safetensors").exists() {
        return Ok(());
    }
    eprintln!("writing {}", folder.display());
    synth::write_checkpoint(folder, model, 0, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fixture_is_compared() {
        let names = names().unwrap();
        let folders = fs::read_dir(workspace::fixtures().join("tiny")).unwrap();
        let folders = folders.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
        // The demo model and two seeded ones; two fixtures become one.
        assert_eq!(names.len(), 3 + folders - 1, "{names:?}");
        let model = Model::prepare(JOINED).unwrap();
        assert!(model.folder().unwrap().join("vocab.txt").exists());
        assert_eq!(model.inputs().images.len(), 12);
    }
}
