//! From a request and a source of weights to a file: graph, binding, metadata, storage, atomic write.

use crate::files::foreign::Foreign;
use crate::files::room::{self, NoRoom};
use crate::files::{Inputs, OutputError, OutputFile, OutputNote, Staged, Superseded};
use crate::onnx::file::ModelFile;
use crate::onnx::model::{ExternalLayout, Frame, Model, Storage};
use crate::onnx::{ModelError, checksums};
use crate::request::{Request, RequestError};
use crate::tensor::{Progress, StreamError, TensorSource};
use crate::weights::finite::Unsound;
use crate::weights::skeleton::Skeleton;
use crate::weights::{BindError, BoundWeights, Expected, bind};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a file of external data is called after its model.
const DATA: &str = ".data";

/// The tensors that a file gets.
pub struct Tensors<'a> {
    /// Offers the parameters.
    pub source: &'a dyn TensorSource,
    /// Every parameter of the network, with its name in the source.
    pub expected: &'a [Expected],
}

/// Who hears how far a write has come, and decides whether it goes on. `()` hears nothing, and never goes on with weights
/// that no network should have.
pub trait Observer: Progress {
    /// Hears what the file's tensors take, before any is written.
    fn started(&self, _payload: Payload) {}

    /// Hears what happened when the output was opened.
    fn noted(&self, _note: &OutputNote) {}

    /// Whether to go on with weights that are NaN, infinite or a negative variance. By default not.
    fn accepts(&self, _found: &Unsound) -> bool {
        false
    }
}

impl Observer for () {}

/// Where and how a model is stored.
#[derive(Debug)]
pub struct Destination {
    /// Where it goes.
    pub target: Sink,
    /// Whether an existing file may be replaced.
    pub replace: bool,
    /// Whether tensors go into `PATH.data` even where they fit the model.
    pub external_data: bool,
    /// How they lie there. By default all of them, each at a multiple of 4096 bytes.
    pub external_layout: ExternalLayout,
    /// Whether it may take more than [`room::LARGE`] bytes, or more than seem to be free.
    pub allow_large: bool,
    /// What is read, and must stay.
    pub inputs: Inputs,
}

/// Where a model goes.
pub enum Sink {
    /// A file or a device.
    Path(PathBuf),
    /// A stream that the caller has opened, such as standard output.
    Stream(Box<dyn Write + Send>),
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "Path({path:?})"),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Destination {
    /// A new file, with external data only where it is needed.
    #[must_use]
    pub fn new_file(path: PathBuf) -> Self {
        Self {
            target: Sink::Path(path),
            replace: false,
            external_data: false,
            external_layout: ExternalLayout::default(),
            allow_large: false,
            inputs: Inputs::none(),
        }
    }
}

/// What a file's tensors take, told before they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Bytes of tensor data.
    pub bytes: u64,
    /// Whether they go into a file of their own.
    pub external: bool,
}

/// A model that waits in its temporary folder, or has gone to a stream already.
#[derive(Debug)]
pub enum Emitted {
    /// Complete, and not yet in its place.
    Staged(StagedModel),
    /// Written through.
    Streamed,
}

/// A complete model in its temporary folder; dropped, it is removed.
#[derive(Debug)]
pub struct StagedModel {
    staged: Staged,
    companion: Option<String>,
}

/// Why a file cannot be emitted.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The request has no graph.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The weights do not fit it.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// They have numbers that no weight should be.
    #[error(transparent)]
    Unsound(Unsound),
    /// The output cannot be opened or completed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The model cannot be written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model is too large to be written unasked.
    #[error("the model was not written: {0}")]
    NoRoom(#[from] NoRoom),
    /// A stream cannot have a second file beside it.
    #[error(
        "a model of {0} bytes of weights needs external data, which a stream or device cannot have"
    )]
    ExternalStream(u64),
    /// No tensor of a skeleton can stay in the model.
    #[error(
        "every weight of a skeleton begins at one place of its external data, so that no threshold applies"
    )]
    SkeletonThreshold,
    /// The metadata could not be made.
    #[error("{text}", text = .0.shown())]
    Metadata(String),
}

/// Writes the model of a request; `metadata` is asked for last.
///
/// # Errors
/// If the request has no graph, the weights do not fit, the output cannot be written, or `observer`
/// cancels. Nothing is left behind then.
pub fn emit(
    request: &Request,
    tensors: &Tensors<'_>,
    destination: Destination,
    observer: &dyn Observer,
    metadata: impl FnOnce() -> Result<Vec<(String, String)>, String>,
) -> Result<Emitted, EmitError> {
    let graph = request.graph()?;
    let initializers = bind(&graph, tensors.source, tensors.expected)?;
    // All weights have been read by then, and no stream has had the end of the model.
    let metadata = || {
        examine(&initializers, observer)?;
        metadata().map_err(EmitError::Metadata)
    };
    let model = Model {
        graph: &graph,
        name: &request.blueprint.name(),
        ir_version: request.form.ir_version(),
        initializers: &initializers,
    };
    write(&model, Kind::Whole, destination, observer, metadata)
}

/// Writes the model of a request without weights of its own: all of them begin at one place of a file of external data,
/// which is as large as the largest and is drawn from `seed`; variances of batch norms begin at another, of positive numbers.
///
/// # Errors
/// As [`emit`], or if the destination is a stream or has a threshold for external data.
pub fn emit_skeleton(
    request: &Request,
    seed: u64,
    destination: Destination,
    observer: &dyn Observer,
    metadata: impl FnOnce() -> Result<Vec<(String, String)>, String>,
) -> Result<Emitted, EmitError> {
    if destination.external_layout.threshold > 0 {
        return Err(EmitError::SkeletonThreshold);
    }
    let graph = request.graph()?;
    let model = Model {
        graph: &graph,
        name: &request.blueprint.name(),
        ir_version: request.form.ir_version(),
        initializers: &Skeleton::new(&graph, seed),
    };
    let metadata = || metadata().map_err(EmitError::Metadata);
    write(&model, Kind::Skeleton, destination, observer, metadata)
}

/// What of a model is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Every tensor, into the model itself where that is large enough.
    Whole,
    /// What stands for tensors, beside the model.
    Skeleton,
}

fn write(
    model: &Model<'_>,
    kind: Kind,
    destination: Destination,
    observer: &dyn Observer,
    metadata: impl FnOnce() -> Result<Vec<(String, String)>, EmitError>,
) -> Result<Emitted, EmitError> {
    let write = |frame: &Frame<'_>, out, data: Option<Box<dyn Write + Send>>| {
        observer.started(Payload {
            bytes: frame.payload_bytes(),
            external: data.is_some(),
        });
        frame.write(out, data, observer, metadata)
    };
    let inline = Frame::new(model, &Storage::Inline);
    let needs_data = kind == Kind::Skeleton || destination.external_data || !inline.fits_inline();
    let inputs = &destination.inputs;
    let output = match destination.target {
        Sink::Stream(out) => {
            refuse_external_stream(&inline, needs_data)?;
            write(&inline, out, None)?;
            return Ok(Emitted::Streamed);
        }
        Sink::Path(path) => OutputFile::open(&path, destination.replace, inputs)?,
    };
    let staged = match output {
        OutputFile::Staged(staged) => staged,
        OutputFile::Stream(file) => {
            refuse_external_stream(&inline, needs_data)?;
            write(&inline, Box::new(file), None)?;
            return Ok(Emitted::Streamed);
        }
    };
    staged.notes().iter().for_each(|note| observer.noted(note));
    let location = needs_data.then(|| staged.companion(DATA)).transpose()?;
    let layout = destination.external_layout;
    let external = location.clone().map(|location| {
        let storage = match kind {
            Kind::Whole => Storage::External { location, layout },
            Kind::Skeleton => Storage::Shared {
                location,
                alignment: layout.alignment,
            },
        };
        Frame::new(model, &storage)
    });
    let frame = external.as_ref().unwrap_or(&inline);
    if !destination.allow_large {
        room::refuse(frame.bytes(), staged.free())?;
    }
    let companion = location.filter(|_| frame.has_external());
    let out = staged.create(None)?;
    let data = companion.as_deref().map(|name| staged.create(Some(name)));
    write(frame, out, data.transpose()?)?;
    Ok(Emitted::Staged(StagedModel { staged, companion }))
}

fn examine(initializers: &BoundWeights<'_>, observer: &dyn Observer) -> Result<(), EmitError> {
    let found = initializers
        .unsound()
        .map_err(|error| EmitError::Model(ModelError::Stream(StreamError::Source(error))))?;
    if found.is_empty() || observer.accepts(&found) {
        return Ok(());
    }
    Err(EmitError::Unsound(found))
}

fn refuse_external_stream(frame: &Frame<'_>, needs_data: bool) -> Result<(), EmitError> {
    if needs_data {
        return Err(EmitError::ExternalStream(frame.payload_bytes()));
    }
    Ok(())
}

impl StagedModel {
    /// Where the model waits, under its final name.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.staged.path()
    }

    /// Gives the files their places: all, or none of them. Tells what happened beside that.
    ///
    /// The external data of a model that is replaced goes with it if it is shown to be that model's, by its checksums.
    ///
    /// # Errors
    /// If the file system refuses, or a file has appeared meanwhile and may not be replaced.
    pub fn commit(self) -> Result<Vec<OutputNote>, EmitError> {
        let Self { staged, companion } = self;
        let (mut superseded, mut note) = (None, None);
        if companion.is_none()
            && let Some((model, data)) = claimed_data(staged.target())
            && !staged.reads(&data)
        {
            superseded = Superseded::of(staged.target(), &data).filter(|_| is_own(&model));
            note = superseded.is_none().then_some(OutputNote::DataStays(data));
        }
        let notes = staged.commit(companion.as_deref(), superseded)?;
        Ok(notes.into_iter().chain(note).collect())
    }
}

/// The model at `path` and the file that is called as the data of such a model is, if the model names it.
fn claimed_data(path: &Path) -> Option<(ModelFile, PathBuf)> {
    let name = format!("{}{DATA}", path.file_name()?.to_str()?);
    let data = path.with_file_name(&name);
    if !data.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return None;
    }
    let model = ModelFile::open(path).ok()?;
    let named: Inputs = model.data_files().into_iter().collect();
    named.same_as(&data)?;
    Some((model, data))
}

/// Whether every initializer has the checksum that its writer recorded, so that its data was written with the model.
fn is_own(model: &ModelFile) -> bool {
    let found = checksums::compare(model).ok().flatten();
    found.is_some_and(|differences| differences.is_empty())
}
