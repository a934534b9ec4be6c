//! `verify` and what it stands on: runtimes in processes of their own, comparison, verdicts, planted mistakes.

mod bisect;
mod copies;
#[cfg(target_os = "linux")]
mod cuda;
#[cfg(target_os = "linux")]
mod cuda_suite;
mod edges;
mod emitted;
mod feed;
mod forms;
mod half;
mod images;
#[cfg(all(feature = "tract", feature = "ort"))]
mod inputs;
mod islands;
#[cfg(target_os = "linux")]
#[path = "../kept/mod.rs"]
mod kept;
mod layout;
#[cfg(target_os = "linux")]
mod library;
#[path = "../lite_support/mod.rs"]
mod lite_support;
#[cfg(target_os = "linux")]
mod memory;
mod mutants;
mod others;
mod outputs;
mod pair;
#[cfg(target_os = "linux")]
mod process;
mod range;
mod rounding;
mod rows;
mod self_test;
mod self_test_verdicts;
mod session;
mod skeleton;
mod spellings;
#[cfg(target_os = "linux")]
mod spoilers;
mod third_party;
mod verdicts;
#[path = "../verify_support/mod.rs"]
mod verify_support;
mod work;
