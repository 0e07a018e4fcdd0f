//! Wrong usage exits with code 2 and a message. Help and version do not need a model.

use crate::run::{Folder, Ran, model};

#[test]
fn help_has_examples() {
    for command in ["classify", "embed", "preprocess", "info", "bench", "convert"] {
        let ran = Folder::new().run_without_model(&[command, "--help"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        assert!(ran.stdout.contains(&format!("Examples:\n  align {command}")), "{}", ran.stdout);
        for flag in ["--model", "--precision", "--threads", "--format", "--quiet"] {
            assert!(ran.stdout.contains(flag), "{command} {flag}");
        }
    }
    let ran = Folder::new().run_without_model(&["--help"]);
    assert!(ran.code == 0 && ran.stdout.contains("classify") && ran.stdout.contains("bench"));
}

#[cfg(not(feature = "demo-model"))]
#[test]
fn no_model_says_how_to_get_one() {
    let folder = Folder::new();
    let commands: [&[&str]; 4] = [
        &["classify", "red.png", "--label", "a"],
        &["embed", "text", "a"],
        &["preprocess", "text", "a"],
        &["bench"],
    ];
    for arguments in commands {
        folder.run_without_model(arguments).fails(
            2,
            &["no model: give its folder by --model DIR or in $ALIGN_MODEL", "`demo-model`"],
        );
    }
}

#[test]
fn the_flag_wins_over_the_variable() {
    let folder = Folder::new();
    let mut command = folder.command(&["embed", "text", "a"]);
    command.env("ALIGN_MODEL", "nowhere").arg("--model").arg(model());
    assert_eq!(Ran::from_command(&mut command).code, 0);
}

#[test]
fn wrong_flags_are_usage_errors() {
    let folder = Folder::new();
    let cases: [(&[&str], &str); 17] = [
        (&[], "Usage:"),
        (&["frobnicate"], "unrecognized subcommand"),
        (&["info", "--frobnicate"], "unexpected argument"),
        (&["classify", "--label", "a"], "IMAGE"),
        (&["classify", "red.png"], "no labels: give some by --label TEXT or --labels-file FILE"),
        (
            &["classify", "red.png", "-l", "a", "--template", "a photo"],
            "expected one {} where the label goes, found 0",
        ),
        (
            &["classify", "red.png", "-l", "a", "--template", "{} {}"],
            "expected one {} where the label goes, found 2",
        ),
        (&["classify", "red.png", "-l", "a", "--top", "0"], "--top"),
        (&["classify", "-", "-", "-l", "a"], "`-` reads standard input and can be given once"),
        (&["info", "--precision", "fp8"], "fp8"),
        (&["info", "--format", "xml"], "possible values: table, json, jsonl"),
        (
            &["embed", "text", "a", "--output", "a.csv"],
            "expected a file name ending in .npy, .jsonl, .safetensors",
        ),
        (
            &["preprocess", "image", "red.png", "--output", "pixels"],
            "expected a file name ending in .npy",
        ),
        (&["bench", "--batch", "0"], "--batch"),
        (&["convert", "model"], "<OUT>"),
        (&["convert", "model", "out"], "expected --precision bf16 or --precision int8"),
        (&["convert", "model", "out", "--precision", "f32"], "expected --precision bf16"),
    ];
    for (arguments, message) in cases {
        folder.run(arguments).fails(2, &[message]);
    }
}

#[test]
fn threads_are_bounded() {
    for count in ["0", "-1", "1025", "many"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_align"));
        let ran = Ran::from_command(command.args(["info", &format!("--threads={count}")]));
        ran.fails(2, &["expected a number from 1 to 1024"]);
    }
}

#[test]
fn an_instruction_set_that_is_not_there_is_an_error() {
    let folder = Folder::new();
    let mut command = folder.command(&["info"]);
    Ran::from_command(command.env("ALIGN_ISA", "sse9"))
        .fails(1, &["unknown instruction set \"sse9\": expected portable, avx2, avx512 or amx"]);
}

#[test]
fn a_damaged_model_is_named() {
    let folder = Folder::new();
    let embed = |model: &str| folder.run(&["embed", "text", "a", "--model", model]);
    embed("nowhere").fails(1, &["nowhere"]);

    let copy = |name: &str| {
        std::fs::create_dir(folder.path(name)).unwrap();
        for entry in std::fs::read_dir(model()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path(name).join(entry.file_name())).unwrap();
        }
    };
    copy("no-weights");
    std::fs::remove_file(folder.path("no-weights/model.safetensors")).unwrap();
    embed("no-weights").fails(1, &["no-weights", "expected model.safetensors"]);

    copy("cut");
    let weights = folder.path("cut/model.safetensors");
    std::fs::OpenOptions::new().write(true).open(weights).unwrap().set_len(100_000).unwrap();
    embed("cut").fails(1, &["cut/model.safetensors"]);

    copy("config");
    let config = std::fs::read_to_string(folder.path("config/config.json")).unwrap();
    folder.write(
        "config/config.json",
        &config.replacen("\"hidden_size\": ", "\"hidden_size\": -", 1),
    );
    embed("config").fails(1, &["config/config.json: text_config.hidden_size: invalid value"]);

    copy("vocab");
    std::fs::remove_file(folder.path("vocab/vocab.txt")).unwrap();
    embed("vocab").fails(1, &["vocab", "vocab.txt"]);
}
