//! Weights: checkpoints of every format and library, honest ones and others, and those that are drawn from a seed.

#[cfg(feature = "cli")]
#[path = "../command_line/mod.rs"]
mod command_line;
mod containers;
mod damage;
#[cfg(feature = "cli")]
mod export;
#[cfg(feature = "cli")]
#[path = "../folder/mod.rs"]
mod folder;
#[cfg(feature = "cli")]
mod heads;
mod hostile;
#[cfg(feature = "cli")]
mod kept_heads;
#[cfg(feature = "cli")]
mod keras;
#[cfg(feature = "cli")]
mod limited;
#[cfg(feature = "cli")]
mod modules;
mod names;
#[cfg(feature = "cli")]
mod payloads;
mod plain;
#[cfg(feature = "cli")]
mod prefixes;
#[cfg(feature = "cli")]
mod round_trip;
mod sharded;
mod spoiled;
#[cfg(feature = "cli")]
mod state_dict;
#[cfg(feature = "cli")]
mod state_dicts;
#[cfg(feature = "cli")]
mod tensorflow;
#[cfg(feature = "cli")]
mod tensorflow_hostile;
#[cfg(feature = "cli")]
mod tensorflow_logits;
#[cfg(feature = "cli")]
mod tensorflow_objects;
#[cfg(feature = "cli")]
mod tensorflow_support;
