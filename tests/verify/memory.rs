//! Small files that declare much, under `ulimit -v`: bad input or a runtime's result, told with both numbers, and no abort.

use crate::verify_support::toy::{graph_of, model, node, value};
use crate::verify_support::{Run, folder, program, toy};
use efficientnet_onnx::onnx::proto::{ModelProto, StringStringEntryProto, TensorProto};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Address space of the program and of its workers.
const MEBIBYTES: u64 = 600;

/// Runs the program in a folder under the limit; further threads would reserve address space.
fn limited(folder: &Path, arguments: &str) -> Run {
    let program = program();
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            &format!("ulimit -v {} && exec \"$@\"", MEBIBYTES << 10),
            "sh",
        ])
        .arg(program.get_program())
        .args(arguments.split(' '))
        .current_dir(folder)
        .env("MALLOC_ARENA_MAX", "1")
        .env("RAYON_NUM_THREADS", "1");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Run::of(&mut command)
}

/// Asserts that a command is refused for what it needs and the limit, with what to do.
fn assert_refused(folder: &Path, arguments: &str, what: &str) {
    let run = limited(folder, arguments).expect(2);
    let half = format!(
        "{what} of memory: the memory limit is {} MiB, and ",
        MEBIBYTES / 2
    );
    assert!(run.stderr.contains(&half), "{arguments}: {}", run.stderr);
    let hint = "hint: allow more with `--memory-limit SIZE`";
    assert!(run.stderr.contains(hint), "{arguments}: {}", run.stderr);
}

/// Writes a model of one node from `x` to `y`.
fn one_node(path: &Path, operator: &str, shape: &[Option<i64>], metadata: &str) {
    let mut model = model();
    let graph = graph_of(&mut model);
    graph.node = vec![
        node(operator, &["x"], "p"),
        node("Flatten", &["p"], "logits"),
    ];
    graph.initializer.clear();
    graph.input = vec![value("x", shape)];
    graph.output = vec![value("logits", &[shape[0], Some(3)])];
    model.metadata_props = vec![StringStringEntryProto {
        key: Some("efficientnet.preprocessing".into()),
        value: Some(metadata.into()),
    }];
    fs::write(path, toy::bytes(&model)).expect("a file");
}

/// A model for pictures of so many pixels, whose logits are the means of the channels.
fn classifier(path: &Path, batch: Option<i64>, side: i64) {
    let metadata = format!(
        "{{\"version\":2,\"layout\":\"NCHW\",\"channels\":\"RGB\",\"size\":[{side},{side}],\"mean\":[127.5,127.5,127.5],\
         \"std\":[127.5,127.5,127.5],\"framing\":{{\"crop_padding\":32}},\"interpolation\":\"bicubic\",\
         \"sampling\":\"half_pixel\"}}"
    );
    let shape = [batch, Some(3), Some(side), Some(side)];
    one_node(path, "GlobalAveragePool", &shape, &metadata);
}

fn packed_zeros(bytes: usize) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![0; 1 << 20];
    for start in (0..bytes).step_by(piece.len()) {
        let length = piece.len().min(bytes - start);
        packed.write_all(&piece[..length]).expect("written");
    }
    packed.finish().expect("packed")
}

fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(&kind);
    sum.update(data);
    let length = u32::try_from(data.len()).expect("short").to_be_bytes();
    [&length[..], &kind, data, &sum.sum().to_be_bytes()].concat()
}

/// A black RGBA picture of 16 bits, with chunks before its pixels.
fn png(path: &Path, side: u32, before: &[u8]) {
    let sides = side.to_be_bytes();
    let header = [&sides[..], &sides, &[16, 6, 0, 0, 0]].concat();
    let pixels = packed_zeros(side as usize * (1 + 8 * side as usize));
    let parts = [
        &b"\x89PNG\r\n\x1a\n"[..],
        &chunk(*b"IHDR", &header),
        before,
        &chunk(*b"IDAT", &pixels),
        &chunk(*b"IEND", &[]),
    ];
    fs::write(path, parts.concat()).expect("a file");
}

fn npy(shape: &str) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:117}\n");
    [&b"\x93NUMPY\x01\x00\x76\x00"[..], header.as_bytes()].concat()
}

#[test]
fn inputs_that_a_file_declares_are_refused_before_they_are_made() {
    let folder = folder();
    let folder = folder.path();
    let huge = [Some(1), Some(1 << 14), Some(1 << 14), Some(1)];
    one_node(&folder.join("input.onnx"), "Identity", &huge, "");
    for command in ["verify", "bench"] {
        let arguments = format!("{command} input.onnx --runtime reference");
        assert_refused(folder, &arguments, "needs 4097 MiB");
    }
    png(&folder.join("small.png"), 8, &[]);
    classifier(&folder.join("batch.onnx"), Some(1024), 8192);
    for arguments in [
        "classify batch.onnx small.png --runtime reference",
        "verify batch.onnx --runtime reference --images pictures",
    ] {
        fs::create_dir_all(folder.join("pictures/0")).expect("a folder");
        fs::copy(folder.join("small.png"), folder.join("pictures/0/a.png")).expect("a file");
        assert_refused(
            folder,
            arguments,
            "a batch of 1024 pictures needs 3932160 MiB",
        );
    }
}

#[test]
fn tensors_and_pictures_of_files_are_refused_by_what_they_declare() {
    let folder = folder();
    let folder = folder.path();
    one_node(&folder.join("any.onnx"), "Identity", &[None, Some(3)], "");
    // A hole of 256 MiB, which takes 2 GiB as f64; and 8 bytes that declare as much.
    let hole = folder.join("hole.npy");
    fs::write(&hole, npy("(268435456,)")).expect("a file");
    let file = File::options().write(true).open(&hole).expect("a file");
    file.set_len((256 << 20) + 128).expect("a hole");
    fs::write(folder.join("lie.npy"), npy("(268435456,)")).expect("a file");
    for name in ["hole", "lie"] {
        let arguments = format!("verify any.onnx --runtime reference --input {name}.npy");
        assert_refused(folder, &arguments, "the array needs 2048 MiB");
    }
    let mut archive = zip::ZipWriter::new(File::create(folder.join("x.npz")).expect("a file"));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("x.npy", options).expect("an entry");
    archive.write_all(&npy("(67108864,)")).expect("written");
    for _ in 0..64 {
        archive.write_all(&vec![0; 1 << 20]).expect("written");
    }
    archive.finish().expect("an archive");
    let arguments = "verify any.onnx --runtime reference --input x.npz";
    assert_refused(folder, arguments, "array `x` needs 512 MiB");

    classifier(&folder.join("m.onnx"), None, 32);
    png(&folder.join("deep.png"), 6000, &[]);
    let arguments = "classify m.onnx deep.png --runtime reference";
    assert_refused(
        folder,
        arguments,
        "a picture of 6000x6000 pixels needs 378 MiB",
    );
    let profile = [&b"icc\0\0"[..], &packed_zeros(400 << 20)].concat();
    png(&folder.join("profile.png"), 8, &chunk(*b"iCCP", &profile));
    limited(folder, "classify m.onnx profile.png --runtime reference").expect(0);

    File::create(folder.join("labels.csv"))
        .and_then(|file| file.set_len(4 << 30))
        .expect("a hole");
    let arguments = "verify m.onnx --images . --labels-csv labels.csv --runtime reference";
    let run = limited(folder, arguments).expect(2);
    assert!(
        run.stderr.contains("lines of at most 1048576 bytes"),
        "{}",
        run.stderr
    );
}

#[test]
fn an_output_that_does_not_fit_is_the_result_of_its_runtime() {
    let folder = folder();
    let mut model: ModelProto = model();
    let graph = graph_of(&mut model);
    let raw: Vec<u8> = [1_i64, 1 << 14, 1 << 13].map(i64::to_le_bytes).concat();
    graph.initializer = vec![TensorProto {
        name: Some("s".into()),
        dims: vec![3],
        data_type: Some(7),
        raw_data: Some(raw.into()),
        ..TensorProto::default()
    }];
    graph.node = vec![node("Expand", &["x", "s"], "y")];
    graph.input = vec![value("x", &[Some(1)])];
    graph.output = vec![value("y", &[Some(1), Some(1 << 14), Some(1 << 13)])];
    let file = toy::write(&model, folder.path());
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    let arguments = format!("verify {name} --runtime reference --json");
    let report = limited(folder.path(), &arguments).expect(1).report();
    let runtime = &report["runtimes"][0];
    assert_eq!(runtime["status"], "refused", "{runtime:#}");
    let message = runtime["message"].as_str().expect("a message");
    assert!(
        message.contains("needs 1024 MiB of memory: the memory limit is "),
        "{message}"
    );
    let hint = runtime["hint"].as_str().expect("a hint");
    assert!(hint.contains("--memory-limit"), "{hint}");
}
