//! The published networks and the files that `emit` writes of them: numbers, graphs and data, and the tools that judge them.

mod accepted_models;
mod architecture_files;
#[cfg(feature = "cli")]
mod checked;
mod checksums;
mod counts;
mod decoder;
mod dumps;
mod emitted;
mod form;
#[cfg(feature = "cli")]
mod half;
#[cfg(feature = "cli")]
mod input;
#[cfg(feature = "cli")]
mod linear;
mod onnx_checker;
mod outputs;
#[cfg(feature = "picture")]
mod preprocessing;
mod reference;
#[cfg(all(feature = "cli", unix))]
mod same_graphs;
#[cfg(feature = "cli")]
mod skeleton;
mod stages;
mod timm_table;
