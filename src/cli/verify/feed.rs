//! The flags that say what a file is run with, and what its outputs are compared with.

use crate::cli::exit::Failure;
use crate::cli::text;
use clap::Args;
use efficientnet_onnx::files::foreign::Foreign;
use efficientnet_onnx::verify::plan::{Content, Wanted};
use efficientnet_onnx::verify::session::CaseSource;
use std::path::PathBuf;

/// Flags that say what goes in and what should come out.
#[derive(Clone, Debug, Default, Args)]
pub struct FeedArgs {
    /// Inputs to run with, in place of noise: .npy, .npz, .safetensors, ONNX's .pb, or a JPEG or PNG picture; one file
    /// for each input of the graph, in order, or by the names in the file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["noise", "batch", "size", "test_data"])]
    pub input: Vec<PathBuf>,
    /// Outputs that `--input` should give, which then are what all runtimes are compared with
    #[arg(long, value_name = "FILE", requires = "input")]
    pub expect: Vec<PathBuf>,
    /// Folder in the layout of ONNX's test data, `test_data_set_N/{input,output}_K.pb`: run with and compared with what
    /// it holds, or written, with the outputs of the base, if it is not there
    #[arg(long, value_name = "DIR")]
    pub test_data: Option<PathBuf>,
    /// What inputs hold: `normal`, N(0, 1) noise; `image`, smooth and in the range of pictures; `zero` [default: normal]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub noise: Vec<Content>,
    /// Batches to try where the file's is symbolic [default: 1 and 3]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    pub batch: Vec<u64>,
    /// Size to try where the file's is symbolic, height first, or one for both; may be repeated
    #[arg(long, value_name = "HxW", value_parser = text::size)]
    pub size: Vec<[u64; 2]>,
}

impl FeedArgs {
    /// What they ask for.
    ///
    /// # Errors
    /// If test data is there, and flags ask for other inputs.
    pub fn source(&self) -> Result<CaseSource, Failure> {
        if !self.input.is_empty() {
            return Ok(CaseSource::Files {
                inputs: self.input.clone(),
                expected: self.expect.clone(),
            });
        }
        let wanted = Wanted {
            batches: self.batch.clone(),
            sizes: self.size.clone(),
            contents: self.noise.clone(),
        };
        match &self.test_data {
            Some(folder) if folder.exists() => {
                if wanted != Wanted::default() {
                    let message = format!(
                        "`{}` is there, so its inputs are run: `--noise`, `--batch` and `--size` do not apply",
                        folder.shown()
                    );
                    return Err(Failure::bad_input(message).hint(
                        "leave them out, or name a folder that is not there to have it written",
                    ));
                }
                Ok(CaseSource::TestData(folder.clone()))
            }
            write_to => Ok(CaseSource::Noise {
                wanted,
                write_to: write_to.clone(),
            }),
        }
    }
}
