//! Components that wrappers of modules put into the names of tensors, before the network's own or in the middle of them, and that
//! compute nothing.

use std::borrow::Cow;

/// What `DataParallel` and DeepSpeed's engine (`module`), `torch.compile` (`_orig_mod`), PyTorch's FSDP (`_fsdp_wrapped_module`) and its
/// activation checkpoints (`_checkpoint_wrapped_module`), Lightning Fabric (`_forward_module`), FairScale (`_fpw_module`) and Opacus
/// (`_module`) call the module that they wrap.
const WRAPPERS: [&str; 7] = [
    "module",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
    "_forward_module",
    "_fpw_module",
    "_module",
];

/// Whether a component is a wrapper's.
pub(super) fn is_wrapper(component: &str) -> bool {
    WRAPPERS.contains(&component)
}

/// A name without the components of wrappers.
pub(super) fn unwrapped(name: &str) -> Cow<'_, str> {
    if !name.split('.').any(is_wrapper) {
        return Cow::Borrowed(name);
    }
    let mut own = String::with_capacity(name.len());
    for component in name.split('.').filter(|component| !is_wrapper(component)) {
        if !own.is_empty() {
            own.push('.');
        }
        own.push_str(component);
    }
    Cow::Owned(own)
}

/// What stands before `own`, with its last dot, where a name ends with it; wrappers may stand inside.
pub(super) fn before<'a>(name: &'a str, own: &str) -> Option<&'a str> {
    let mut taken = 0;
    let mut components = name.rsplit('.');
    for expected in own.rsplit('.') {
        loop {
            let component = components.next()?;
            taken += component.len() + 1;
            if component == expected {
                break;
            }
            if !is_wrapper(component) {
                return None;
            }
        }
    }
    name.get(..name.len() + 1 - taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_go_from_the_middle_of_names() {
        for (name, own) in [
            ("blocks.0.weight", "blocks.0.weight"),
            (
                "blocks._checkpoint_wrapped_module.0.weight",
                "blocks.0.weight",
            ),
            ("module._orig_mod.blocks.module.weight", "blocks.weight"),
            ("_fsdp_wrapped_module.bn1.bias", "bn1.bias"),
            ("_forward_module.bn1.bias", "bn1.bias"),
            ("blocks._fpw_module.0.bias", "blocks.0.bias"),
            ("_module.bn1.bias", "bn1.bias"),
            ("module", ""),
            ("modules.0.bias", "modules.0.bias"),
        ] {
            assert_eq!(unwrapped(name), own, "{name}");
        }
    }

    #[test]
    fn a_prefix_ends_before_the_first_own_component() {
        for (name, prefix) in [
            ("features.0.0.weight", Some("")),
            ("net.features.0.0.weight", Some("net.")),
            ("features._orig_mod.0.module.0.weight", Some("")),
            ("a.module.features.module.0.0.weight", Some("a.module.")),
            ("module.module.features.0.0.weight", Some("module.module.")),
            ("xfeatures.0.0.weight", None),
            ("features.0.1.0.weight", None),
            ("0.0.weight", None),
            ("", None),
            (".features.0.0.weight", Some(".")),
        ] {
            assert_eq!(before(name, "features.0.0.weight"), prefix, "{name}");
        }
    }
}
