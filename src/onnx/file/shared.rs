//! Whether a file has weights at all: those of a skeleton begin at one place.

use super::ModelFile;
use std::collections::{BTreeMap, BTreeSet};

impl ModelFile {
    /// Whether the kernels of convolutions begin at one place of a file of external data, for each element type: no network
    /// has weights like that. Kernels in the model itself may be constants of the spelling; they must be the fewer.
    #[must_use]
    pub fn shares_weights(&self) -> bool {
        let nodes = self.contents.nodes.iter();
        let kernels: BTreeSet<&str> = nodes
            .filter(|node| node.op_type() == "Conv" && matches!(node.domain(), "" | "ai.onnx"))
            .filter_map(|node| Some(node.input.get(1)?.as_str()))
            .collect();
        let stored = self.contents.initializers.iter();
        let stored = stored.filter(|stored| kernels.contains(stored.name.as_str()));
        let mut places = BTreeMap::new();
        let (mut shared, mut inside) = (0, 0);
        for kernel in stored {
            let external = match kernel.external() {
                Ok(Some(external)) => external,
                Ok(None) => {
                    inside += 1;
                    continue;
                }
                Err(_) => return false,
            };
            let place = (external.location, external.offset);
            shared += 1;
            if *places
                .entry(kernel.data_type)
                .or_insert_with(|| place.clone())
                != place
            {
                return false;
            }
        }
        shared > 1 && shared > inside
    }
}
