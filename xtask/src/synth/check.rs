//! The Rust and the Python generator, compared value by value.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use align_synthetic::SyntheticModel;
use anyhow::{Context, Result, bail, ensure};

use super::weights;
use crate::oracle::Oracle;

/// Fails at the first tensor whose name, shape or bytes differ.
///
/// The script names the tensors by the oracle's own model, so that this also proves the list. It writes, for each in
/// order, a line of name, dimensions joined by `x`, and byte count, then the bytes.
pub(super) fn against_python(oracle: &Oracle, model: SyntheticModel, seed: u64) -> Result<()> {
    let name = match model {
        SyntheticModel::AlignBase => "align-base",
        SyntheticModel::Tiny => "tiny",
    };
    let mut script = oracle.script("synth.py");
    script.args([name, &seed.to_string()]).stdout(Stdio::piped());
    let mut child = script.spawn().context("cannot run the oracle's python")?;
    let mut output = BufReader::new(child.stdout.take().context("the script has no output")?);

    let tensors = model.tensors();
    for tensor in &tensors {
        let bytes = weights::encode(tensor, seed, None);
        let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
        let ours = format!("{} {} {}", tensor.name, shape.join("x"), bytes.len());
        let mut theirs = String::new();
        output.read_line(&mut theirs)?;
        ensure!(theirs.trim_end() == ours, "Rust has {ours:?}, Python {:?}", theirs.trim_end());
        let mut expected = vec![0; bytes.len()];
        output.read_exact(&mut expected).with_context(|| format!("at {}", tensor.name))?;
        if let Some(byte) = bytes.iter().zip(&expected).position(|(a, b)| a != b) {
            bail!("{}: byte {byte} is {} and {}", tensor.name, bytes[byte], expected[byte]);
        }
    }
    let mut rest = String::new();
    output.read_line(&mut rest)?;
    ensure!(rest.is_empty(), "Python has another tensor: {rest:?}");
    ensure!(child.wait()?.success(), "the script failed");
    println!("{} tensors of {name}, seed {seed}: the same to the bit", tensors.len());
    Ok(())
}
