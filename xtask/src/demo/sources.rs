//! The pictures and words of emoji, from two packages of Debian.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::oracle;

const PACKAGES: [&str; 2] = ["fonts-noto-color-emoji", "unicode-cldr-core"];
const FONT: &str = "usr/share/fonts/truetype/noto/NotoColorEmoji.ttf";
const ANNOTATIONS: &str = "usr/share/unicode/cldr/common";

/// Where the font and CLDR's `common` folder are.
pub(super) struct Sources {
    pub(super) font: PathBuf,
    pub(super) annotations: PathBuf,
}

impl Sources {
    /// Those of the system if the packages are installed, else unpacked ones under `work`, downloaded if need be.
    pub(super) fn find(work: &Path) -> Result<Self> {
        let unpacked = work.join("sources");
        if let Some(found) = Self::below(Path::new("/")).or_else(|| Self::below(&unpacked)) {
            return Ok(found);
        }
        let packages = work.join("packages");
        fs::create_dir_all(&packages)
            .with_context(|| format!("cannot make {}", packages.display()))?;
        oracle::run(Command::new("apt-get").arg("download").args(PACKAGES).current_dir(&packages))
            .context("fonts-noto-color-emoji and unicode-cldr-core are not installed and cannot be downloaded")?;
        for entry in fs::read_dir(&packages)? {
            oracle::run(Command::new("dpkg-deb").arg("-x").arg(entry?.path()).arg(&unpacked))?;
        }
        Self::below(&unpacked).with_context(|| {
            format!("the packages lack {FONT} or the annotations in {ANNOTATIONS}")
        })
    }

    fn below(root: &Path) -> Option<Self> {
        let (font, annotations) = (root.join(FONT), root.join(ANNOTATIONS));
        let words = annotations.join("annotations/en.xml");
        (font.exists() && words.exists()).then_some(Self { font, annotations })
    }
}
