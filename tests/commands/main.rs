//! The commands but `verify`: what they refuse and how, what they print, and what they write where.

mod beside;
#[cfg(all(feature = "tract", target_os = "linux"))]
mod budgets;
mod claims;
#[cfg(all(feature = "tract", feature = "ort"))]
mod class_activation;
#[cfg(all(feature = "tract", feature = "ort"))]
mod class_maps;
mod classes;
#[cfg(all(feature = "tract", feature = "ort"))]
mod classify;
#[path = "../command_line/mod.rs"]
mod command_line;
#[cfg(unix)]
mod commits;
#[cfg(target_os = "linux")]
mod damaged_files;
mod damaged_models;
#[cfg(all(feature = "ort", target_os = "linux"))]
mod doctor;
#[cfg(target_os = "linux")]
mod drawn_stages;
mod emit;
#[cfg(unix)]
mod emit_files;
mod fitted;
#[path = "../folder/mod.rs"]
mod folder;
mod hints;
#[cfg(feature = "hub")]
mod hub;
mod hub_support;
#[cfg(all(feature = "tract", feature = "ort"))]
mod input_format;
#[cfg(unix)]
mod inputs_kept;
#[path = "../kept/mod.rs"]
mod kept;
mod like;
#[cfg(all(feature = "tract", feature = "ort"))]
mod lite;
#[path = "../lite_support/mod.rs"]
mod lite_support;
#[cfg(unix)]
mod messages;
mod other_files;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod plan_files;
mod refused_threads;
#[cfg(unix)]
mod signals;
#[cfg(all(feature = "tract", feature = "ort"))]
mod size_steps;
mod skeleton;
mod snapshot;
#[cfg(all(feature = "tract", target_os = "linux"))]
mod special_files;
#[cfg(all(feature = "tract", feature = "ort"))]
#[path = "../weights/state_dict.rs"]
mod state_dict;
#[cfg(all(feature = "tract", feature = "ort"))]
mod static_padding;
#[cfg(feature = "tract")]
mod thresholds;
#[cfg(all(feature = "tract", feature = "ort", target_os = "linux"))]
mod told;
mod transfer;
mod transformers;
#[cfg(all(feature = "tract", feature = "ort"))]
mod untrained;
#[path = "../verify_support/mod.rs"]
mod verify_support;
#[cfg(all(feature = "tract", feature = "ort"))]
mod wrapped;
