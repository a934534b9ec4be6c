//! Forms in which weights are stored that are not read, told by names.

use super::parametrized::PARAMETRIZATIONS;
use std::fmt;

/// A form in which weights are stored that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packed {
    /// A parametrization that is not computed here.
    Parametrized,
    /// An adapter beside the weight that it changes, such as PEFT's LoRA.
    Adapter,
    /// All weights of a module in a row, as FSDP shards them.
    Flat,
}

impl Packed {
    /// The form that a name tells.
    pub(super) fn of(name: &str) -> Option<Self> {
        let mut components = name.split('.');
        components.find_map(|component| {
            let begins = |starts: &[&str]| starts.iter().any(|start| component.starts_with(start));
            if component == PARAMETRIZATIONS {
                Some(Self::Parametrized)
            } else if ADAPTERS.contains(&component) || begins(&ADAPTER_STARTS) {
                Some(Self::Adapter)
            } else if component == "_flat_param" || begins(&["flat_param"]) {
                Some(Self::Flat)
            } else if ENDS.contains(&component) {
                Some(Self::Parametrized)
            } else {
                None
            }
        })
    }
}

/// Modules that PEFT puts around those that it adapts (`tuners/tuners_utils.py`, `utils/other.py`).
const ADAPTERS: [&str; 3] = ["base_layer", "modules_to_save", "original_module"];
/// Parameters of PEFT's tuners.
const ADAPTER_STARTS: [&str; 6] = ["lora_", "hada_", "lokr_", "ia3_", "oft_", "vera_"];
/// Parts of a weight or of a bias in torch's older hooks.
const ENDS: [&str; 7] = [
    "weight_g",
    "weight_v",
    "weight_u",
    "weight_orig",
    "weight_mask",
    "bias_orig",
    "bias_mask",
];

/// As in "tensors of …".
impl fmt::Display for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parametrized => "a parametrization",
            Self::Adapter => "adapters",
            Self::Flat => "flat parameters of FSDP",
        })
    }
}

impl Packed {
    /// The line that saves weights as they are.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Parametrized => {
                "bake them in, and save the state dict again: `torch.nn.utils.parametrize.remove_parametrizations(module, \"weight\")`, and \
                 of the older functions `torch.nn.utils.remove_weight_norm(module)`, `torch.nn.utils.remove_spectral_norm(module)` or \
                 `torch.nn.utils.prune.remove(module, \"weight\")`"
            }
            Self::Adapter => {
                "merge the adapters into the model, and save its state dict: `torch.save(model.merge_and_unload().state_dict(), \
                 \"merged.pth\")`"
            }
            Self::Flat => {
                "save the whole state dict: `torch.distributed.checkpoint.state_dict.get_model_state_dict(model, \
                 options=StateDictOptions(full_state_dict=True))`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_by_whole_components() {
        for (name, form) in [
            (
                "classifier.parametrizations.weight.0.base",
                Some(Packed::Parametrized),
            ),
            ("conv_stem.weight_orig", Some(Packed::Parametrized)),
            ("classifier.lora_A.default.weight", Some(Packed::Adapter)),
            ("classifier.lora_B", Some(Packed::Adapter)),
            ("blocks.0.conv_pw.base_layer.weight", Some(Packed::Adapter)),
            (
                "classifier.modules_to_save.default.bias",
                Some(Packed::Adapter),
            ),
            ("blocks.0.original_module.weight", Some(Packed::Adapter)),
            ("conv_stem.hada_w1_a.default", Some(Packed::Adapter)),
            ("conv_stem.lokr_w1.default", Some(Packed::Adapter)),
            ("classifier.ia3_l.default", Some(Packed::Adapter)),
            ("classifier.oft_r.default", Some(Packed::Adapter)),
            ("classifier.vera_lambda_b.default", Some(Packed::Adapter)),
            ("_fsdp_wrapped_module._flat_param", Some(Packed::Flat)),
            ("_fpw_module.flat_param_0", Some(Packed::Flat)),
            ("conv_stem.weight", None),
            ("flora_A.weight", None),
            ("weight_v.scale_orig", Some(Packed::Parametrized)),
            ("base_layers.0.weight", None),
        ] {
            assert_eq!(Packed::of(name), form, "{name}");
        }
    }
}
