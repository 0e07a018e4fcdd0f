//! The profile of a tower: the time of each step.

use super::timing::{collect, median};
use align_model::{ModelError, Profile, Step};
use serde::Serialize;
use std::io::{self, Write};

/// The steps of both towers, and the peak that they are compared with.
#[derive(Serialize)]
pub(super) struct Profiles {
    /// The peak of multiply-adds in registers, on all threads.
    pub(super) peak_gflops: f64,
    pub(super) image: Vec<Row>,
    pub(super) text: Vec<Row>,
}

/// A step of a forward.
#[derive(Serialize)]
pub(super) struct Row {
    layer: String,
    /// The median time of the runs.
    ms: f64,
    gflops: f64,
    /// The share of the peak.
    peak_share: f64,
}

/// The steps of a forward with their median times in several runs.
pub(super) fn rows<T>(
    peak_gflops: f64,
    mut forward: impl FnMut() -> Result<T, ModelError>,
) -> Result<Vec<Row>, ModelError> {
    let runs: Vec<Vec<Step>> = collect(|| {
        let (result, steps) = Profile::record(&mut forward);
        result.map(|_| steps)
    })?;
    let steps = runs[0].iter().enumerate().map(|(i, step)| {
        let mut times: Vec<f64> =
            runs.iter().map(|steps| steps[i].elapsed.as_secs_f64() * 1e3).collect();
        let ms = median(&mut times);
        // If the clock did not advance, the speed is unknown.
        let gflops = if ms > 0.0 { step.flops as f64 / ms / 1e6 } else { 0.0 };
        Row { layer: step.name.clone(), ms, gflops, peak_share: gflops / peak_gflops }
    });
    Ok(steps.collect())
}

impl Profiles {
    pub(super) fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\npeak {:.0} GFLOP/s", self.peak_gflops)?;
        for (tower, rows) in [("image", &self.image), ("text", &self.text)] {
            let width = rows.iter().map(|row| row.layer.len()).max().unwrap_or(0);
            writeln!(out, "\n{tower:width$}{:>10}{:>10}{:>8}", "ms", "GFLOP/s", "peak")?;
            for Row { layer, ms, gflops, peak_share } in rows {
                let percent = 100.0 * peak_share;
                writeln!(out, "{layer:width$}{ms:10.3}{gflops:10.1}{percent:6.1} %")?;
            }
        }
        Ok(())
    }
}
