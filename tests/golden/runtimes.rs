//! Running a file in tract and in the ONNX Runtime of the tests' Python environment.

use super::reference::noise;
use efficientnet_onnx::runtime::discover::Places;
use efficientnet_onnx::runtime::{
    OpenOptions, Runtime, RuntimeName, Session, TELEMETRY_OPT_OUT, open,
};
use efficientnet_onnx::tensor::NamedTensor;
use std::path::Path;
use std::sync::OnceLock;

/// Loads a file in a runtime.
pub fn load(name: RuntimeName, model: &Path) -> Box<dyn Session> {
    let session = match name {
        RuntimeName::OrtCpu => onnx_runtime().load(model),
        RuntimeName::Tract | RuntimeName::Reference => open(name, &OpenOptions::default())
            .expect("it is built in")
            .load(model),
        RuntimeName::OrtCuda => panic!("no test has a GPU"),
    };
    session.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The logits of one of the two inputs.
pub fn logits(session: &mut dyn Session, size: u64, input: u32) -> Vec<f64> {
    let pixels = usize::try_from(size).expect("a small number");
    let image = NamedTensor::single("input", vec![1, 3, pixels, pixels], &noise(size, input));
    let results = session
        .run(&[image])
        .unwrap_or_else(|error| panic!("{error}"));
    let [logits] = results.try_into().expect("one output");
    assert_eq!(
        (logits.name.as_str(), logits.shape),
        ("logits", vec![1, 1000])
    );
    logits.data.into_vec()
}

/// A process can open the library only once.
fn onnx_runtime() -> &'static dyn Runtime {
    static RUNTIME: OnceLock<Box<dyn Runtime>> = OnceLock::new();
    let opened = RUNTIME.get_or_init(|| {
        let opted_out = std::env::var_os(TELEMETRY_OPT_OUT).is_some_and(|value| value == "1");
        assert!(
            opted_out,
            "`{TELEMETRY_OPT_OUT}` is not 1\nhint: run the tests with `tests/run`"
        );
        let virtual_env = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.venv");
        let places = Places {
            virtual_env: Some(virtual_env),
            ..Places::default()
        };
        let libraries = places.libraries();
        let library = libraries.first().unwrap_or_else(|| {
            panic!("no ONNX Runtime in `tests/.venv`\nhint: `tests/run --set-up-only` installs it")
        });
        let options = OpenOptions {
            library: Some(library.path.clone()),
            ..OpenOptions::default()
        };
        open(RuntimeName::OrtCpu, &options).unwrap_or_else(|error| panic!("{error}"))
    });
    opened.as_ref()
}
