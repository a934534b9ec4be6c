//! The command line of `efficientnet-onnx`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
