//! Windows over the image: convolutions and pools with their strides, pads and kernels.

use super::classes::Border;
use super::tree::{Module, quoted};
use super::{Part, Reader};
use crate::graph::Padding;
use crate::weights::evidence::{Convolution, Pads};

/// Sides along height and width, of what PyTorch gives in the order left, right, top, bottom.
fn sides(lengths: &[u64]) -> Option<[u64; 4]> {
    match *lengths {
        [left, right, top, bottom] => Some([top, left, bottom, right]),
        _ => None,
    }
}

impl<'a> Reader<'a> {
    pub(super) fn convolution(&mut self, conv: &Module<'a>, border: Border) {
        let own = |this: &mut Self| match conv.attribute("padding") {
            None => None,
            Some(id) => match conv.pickle.text(id) {
                // PyTorch takes it with stride 1 alone, where it is TensorFlow's rule.
                Some("same") => Some(Pads::Same),
                Some("valid") => Some(Pads::Explicit([0; 4])),
                Some(_) => None,
                None => match conv.pair("padding") {
                    Some([height, width]) => Some(Pads::Explicit([height, width, height, width])),
                    None => {
                        this.refuse_module(Part::Body, conv, "with a padding that is not known");
                        None
                    }
                },
            },
        };
        let pads = match border {
            Border::Same => Some(Pads::Same),
            Border::Flagged if conv.truth("dynamic_padding") == Some(true) => Some(Pads::Same),
            Border::Own | Border::Flagged => own(self),
            Border::Static => {
                self.has_static_pads = true;
                self.static_pads(conv)
            }
        };
        let mode = conv.attribute("padding_mode");
        let mode = mode.and_then(|mode| conv.pickle.text(mode));
        if let Some(mode) = mode
            && mode != "zeros"
            && pads != Some(Pads::Explicit([0; 4]))
        {
            let what = format!(
                "{} pads with {}, expected `zeros`",
                quoted(&conv.path),
                quoted(mode)
            );
            self.refuse(Part::Body, what);
        }
        if conv.truth("transposed") == Some(true) {
            self.refuse_module(Part::Body, conv, "expected it not to be transposed");
        }
        let groups = conv.attribute("groups");
        let groups = groups.and_then(|groups| conv.pickle.integer(groups));
        let found = Convolution {
            stride: conv.pair("stride"),
            dilation: conv.pair("dilation"),
            groups: groups.and_then(|groups| u64::try_from(groups).ok()),
            pads,
        };
        if let Some(kernel) = conv.pair("kernel_size") {
            self.kernels.insert(conv.path.clone(), kernel);
        }
        self.evidence.convolutions.insert(conv.path.clone(), found);
    }

    /// Pads that efficientnet_pytorch froze for its own image size.
    fn static_pads(&mut self, conv: &Module<'a>) -> Option<Pads> {
        let pad = conv.child("static_padding")?;
        self.inspect(&pad);
        match pad.class.rsplit('.').next() {
            Some("Identity") => Some(Pads::Explicit([0; 4])),
            Some("ZeroPad2d") => {
                let sides_of = pad.attribute("padding")?;
                let lengths = pad.pickle.sequence(sides_of)?.iter();
                let lengths: Option<Vec<u64>> = lengths
                    .map(|side| u64::try_from(pad.pickle.integer(*side)?).ok())
                    .collect();
                sides(&lengths?).map(Pads::Explicit)
            }
            _ => {
                self.refuse_module(Part::Body, &pad, "expected zeros around the image");
                None
            }
        }
    }

    /// The max pool after a ResNet's stem.
    pub(super) fn stem_pool(&mut self, pool: &Module<'a>) {
        let window = [
            ("kernel_size", 3),
            ("stride", 2),
            ("padding", 1),
            ("dilation", 1),
        ];
        let is_other = |(name, expected): (&str, u64)| {
            let found = pool.pair(name);
            found.is_some_and(|found| found != [expected; 2])
        };
        let is_ceiled = pool.truth("ceil_mode") == Some(true);
        if window.into_iter().any(is_other) || is_ceiled {
            let expected = "expected windows of 3x3 with stride 2 and padding 1";
            self.refuse_module(Part::Body, pool, expected);
        }
    }

    /// The rule that all convolutions follow, as far as they tell.
    pub(super) fn padding(&self) -> Option<Padding> {
        // Those of a squeeze are static in a network that computes all others for each image.
        if let Some(size) = self.static_size.filter(|_| self.has_static_pads) {
            return Some(Padding::Static(size));
        }
        let convolutions = self.evidence.convolutions.iter();
        let (mut same, mut symmetric) = (false, false);
        for (path, conv) in convolutions {
            let strides = conv.stride.is_some_and(|stride| stride != [1, 1]);
            match (conv.pads?, self.kernels.get(path)) {
                (Pads::Same, _) => same = true,
                // Without a stride both rules are one.
                (Pads::Explicit(_), _) if !strides => {}
                (Pads::Explicit(pads), Some([height, width])) => {
                    let rule = [height / 2, width / 2, height / 2, width / 2];
                    if pads != rule {
                        return None;
                    }
                    symmetric = true;
                }
                (Pads::Explicit(_), None) => return None,
            }
        }
        match (same, symmetric) {
            (true, false) => Some(Padding::Same),
            (false, true) => Some(Padding::Symmetric),
            _ => None,
        }
    }
}
