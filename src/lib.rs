//! Turns compound-scaling parameters into EfficientNet ONNX graphs, and proves each one by running it.
//!
//! EfficientNet (arXiv 1905.11946) scales depth α^φ, width β^φ and resolution γ^φ together. A request
//! becomes an [`architecture`] in which every number is resolved, a canonical [`graph`], a graph in the
//! form that toolchains want, and bytes; runtimes then load those bytes and say what they compute:
//!
//! ```text
//! request ─ scaling ─► Architecture ─ network ─► Graph ─ form ─► onnx::Graph ─ weights ─► Model ─► bytes
//!                                                                               bytes ─ runtime ─► outputs ─ verify ─► Report
//! ```
//!
//! # Map
//!
//! | module | knows |
//! |---|---|
//! | [`scaling`] | coefficients, the compound formula, rounding rules |
//! | [`architecture`] | stem, stages of blocks, head, every number resolved; families, block strings, architecture files |
//! | [`network`] | how a stem, blocks and a head are wired; one file for each kind of block |
//! | [`graph`] | values, nodes, parameters; one node per concept |
//! | [`form`] | how a concept is spelled |
//! | [`onnx`] | operators, opsets, writing, reading and checking files |
//! | [`tensor`] | element types, shapes, tensors whole and read in pieces |
//! | [`weights`] | seeds, checkpoints, other libraries' names, binding |
//! | [`metadata`] | what a file says about itself |
//! | [`numpy`] | NumPy's files: `.npy` and `.npz` |
//! | [`like`] | what other libraries publish under which name |
//! | [`stored`] | tensors in files that other tools exchange: `.npy`, `.npz`, `.safetensors`, `.pb` |
//! | [`labels`] | names of classes |
//! | [`picture`] | decoding, resizing and preparing pictures |
//! | [`recognise`] | which published model a checkpoint's tensors belong to |
//! | [`request`] | the stages strung together, from a request to a graph |
//! | [`hub`] | models as timm and transformers publish them on Hugging Face: folder, configuration, cache, client |
//! | [`memory`] | one budget of bytes for what files make the process hold |
//! | [`files`] | files written whole or not at all, inputs that stay, room on the disk |
//! | [`convert`] | from a checkpoint and wishes to a file, with every convention resolved |
//! | [`emit`](mod@emit) | from a request and its weights to a file |
//! | [`runtime`] | the reference interpreter, tract and ONNX Runtime, behind one trait; worker processes |
//! | [`verify`] | inputs, tolerance, comparison, verdict; running what they ask for; planted mistakes |
//! | [`classify`] | classifying pictures |
//! | [`plan`] | what points of compound scaling cost, and which one fits a budget |
//! | [`bench`](mod@bench) | how long a file takes in each runtime |
//! | [`doctor`] | what is installed: runtimes, libraries, processor, GPU |
//!
//! `docs/architecture.md` has the dependencies between these modules, which a test keeps fresh, and what to touch to
//! add something, from an activation to a runtime.
//!
//! # Invariants
//!
//! - `network` knows no flag that concerns spelling: it always builds the same canonical graph. An option
//!   belongs to [`form`], never into a block.
//! - [`onnx`], [`form`] and [`runtime`] know nothing of EfficientNet; a runtime sees only the file that a
//!   user has.
//! - Names of nodes and values are an API: timm's parameter names (`blocks.2.1.conv_dw.weight`) and the same
//!   scopes for nodes and values, whatever the form. Folding keeps `*.weight`, adds `*.bias`, and the
//!   result keeps the batch norm's name.
//! - The same request gives the same bytes on every run, thread count and machine: draws are counter-based,
//!   transcendental functions come from the crate `libm`, and no hash map is iterated.
//! - Writing streams: a few chunks at a time, and nothing incomplete ever has its final name.
//! - The library returns errors; it never prints and never exits, but for the worker that [`runtime::process::serve`] makes
//!   of a process.
//!
//! # Example
//!
//! A tiny Lite0 with weights from a seed, written, read back and checked:
//!
//! ```
//! use efficientnet_onnx::emit::{self, Destination, Emitted};
//! use efficientnet_onnx::onnx::{check, file::ModelFile};
//! use efficientnet_onnx::request::{Blueprint, Extent, Request};
//! use efficientnet_onnx::architecture::Variant;
//! use efficientnet_onnx::weights::init::{Rule, SeededWeights};
//! use efficientnet_onnx::weights::Expected;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let variant = Variant::by_name("lite0").ok_or("lite0 is published")?;
//! let mut request = Request::new(Blueprint::published(variant));
//! request.size = [Extent::Fixed(32); 2];
//!
//! let parameters = request.parameters()?;
//! let expected = Expected::as_named(&parameters);
//! let weights = SeededWeights::new(parameters, Rule::Official, 0);
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("lite0.onnx");
//! let emitted = emit::emit(
//!     &request,
//!     &emit::Tensors { source: &weights, expected: &expected },
//!     Destination::new_file(path.clone()),
//!     &(),
//!     || Ok(Vec::new()),
//! )?;
//! if let Emitted::Staged(model) = emitted {
//!     model.commit()?;
//! }
//!
//! assert_eq!(request.counts()?.parameters, 4_652_008);
//! assert!(check::check(&ModelFile::open(&path)?).is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `cli` (the binary; brings `picture`), `tract` and `ort` (the runtimes), all on by default; `picture` (pictures as
//! inputs) alone and `hub` (the client of [`hub`]), off by default. Without them the crate converts, emits, checks and runs the
//! reference interpreter, with few dependencies.

pub mod architecture;
pub mod bench;
#[cfg(feature = "picture")]
pub mod classify;
pub mod convert;
pub mod doctor;
pub mod emit;
pub mod files;
pub mod form;
pub mod graph;
pub mod hub;
#[doc(hidden)]
pub mod internals;
pub mod labels;
pub mod like;
pub mod memory;
pub mod metadata;
pub mod network;
#[doc(hidden)]
pub mod numpy;
pub mod onnx;
#[cfg(feature = "picture")]
pub mod picture;
pub mod plan;
pub mod recognise;
pub mod request;
pub mod runtime;
pub mod scaling;
pub mod stored;
pub mod tensor;
pub mod verify;
pub mod weights;
