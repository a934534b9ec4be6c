//! Files of PyTorch, JAX and other runtimes that are known and not read: what each is, and what to save instead.

/// What a file is that begins so, if it is known and not read.
pub(super) fn by_start(start: &[u8]) -> Option<&'static str> {
    Some(match (start, start.get(4..8)) {
        ([b'G', b'G', b'U', b'F', ..], _) => {
            "it is a GGUF file, whose weights are quantised; take the checkpoint that it was made from"
        }
        (_, Some(b"ET12")) => {
            "it is a program of ExecuTorch (`.pte`); save the model that it was made from: `torch.save(model.state_dict(), \"model.pth\")`"
        }
        (_, Some(b"ORTM")) => {
            "it is a model in ONNX Runtime's own format (`.ort`); take the `.onnx` file that it was made from"
        }
        ([0x78, 0x01 | 0x5e | 0x9c | 0xda, ..], _) => {
            "it is compressed with zlib, as `joblib.dump` does; load it, and save its arrays with `numpy.savez(\"model.npz\", **arrays)`"
        }
        // A map of few entries, or of many, whose first key is a short text.
        ([0x81..=0x8f, 0xa1..=0xbf, letter, ..] | [0xde, _, _, 0xa1..=0xbf, letter, ..], _)
            if letter.is_ascii_alphabetic() || *letter == b'_' =>
        {
            "it is a MessagePack file, as Flax writes (`flax_model.msgpack`); restore it in Python, and save its arrays under their names: \
             `numpy.savez(\"model.npz\", **flax.traverse_util.flatten_dict(params, sep=\".\"))`"
        }
        _ => return None,
    })
}

/// What an archive is that has these entries, if it is known and not read.
pub(super) fn by_entries(names: &[String]) -> Option<&'static str> {
    let has = |ending: &str| names.iter().any(|name| name.ends_with(ending));
    if has(".data/extern_modules") {
        Some(
            "it is a package of `torch.package`, which holds code; load its model, and save `torch.save(model.state_dict(), \"model.pth\")`",
        )
    } else if has("serialized_exported_program.json") || has("data/weights/model.pt") {
        Some(
            "it is a program that PyTorch before 2.8 exported; load it with `program = torch.export.load(\"model.pt2\")`, and save \
             `torch.save(program.state_dict, \"model.pth\")`",
        )
    } else if has("bytecode.pkl") {
        Some(
            "it is a TorchScript module for the lite interpreter, which holds bytecode; save the model that it was made from: \
             `torch.save(model.state_dict(), \"model.pth\")`",
        )
    } else {
        None
    }
}
