//! Weights that are computed, against formulas written out, and parametrizations that are not.

use super::*;
use crate::tensor::Element;

/// Tensors of small numbers.
struct Stored(Vec<TensorInfo>, Vec<Vec<f32>>);

struct Values<'a>(&'a [f32]);

impl TensorReader for Values<'_> {
    fn fill(&self, offset: usize, out: &mut [f32]) -> Result<(), SourceError> {
        out.copy_from_slice(&self.0[offset..offset + out.len()]);
        Ok(())
    }
}

impl TensorSource for Stored {
    fn tensors(&self) -> &[TensorInfo] {
        &self.0
    }

    fn open<'a>(&'a self, name: &str) -> Result<Box<dyn TensorReader + 'a>, SourceError> {
        let place = self.0.iter().position(|tensor| tensor.name == name);
        Ok(Box::new(Values(&self.1[place.expect("a listed tensor")])))
    }
}

type Given<'a> = (&'a str, &'a [u64], &'a [f32]);

fn stored(tensors: &[Given]) -> Stored {
    let info = |(name, shape, _): &Given| TensorInfo {
        name: (*name).to_owned(),
        shape: shape.to_vec(),
        element: Element::F32,
    };
    let infos = tensors.iter().map(info).collect();
    let values = tensors.iter().map(|(_, _, values)| values.to_vec());
    Stored(infos, values.collect())
}

/// The weight's kind, shape and values, read in two pieces.
fn weight(tensors: &[Given], name: &str) -> (Parametrization, Vec<u64>, Vec<f32>) {
    let (source, kinds) = Computed::over(Box::new(stored(tensors)));
    let [tensor] = source.tensors() else {
        panic!("{:?}", source.tensors());
    };
    assert_eq!(tensor.name, name);
    let elements = usize::try_from(tensor.shape.iter().product::<u64>()).expect("few");
    let reader = source.open(name).expect("a reader");
    let mut values = vec![0.0; elements];
    let (first, second) = values.split_at_mut(1);
    reader.fill(0, first).expect("values");
    reader.fill(1, second).expect("values");
    (kinds[name], tensor.shape.clone(), values)
}

#[test]
fn weight_norm_is_a_length_times_a_direction() {
    let v = [3.0, 4.0, 0.0, 5.0, 6.0, 8.0];
    for (gain, gains, expected) in [
        // Of each row, of each column, of all: √150.
        (
            &[2, 1][..],
            &[10.0, 20.0][..],
            [6.0, 8.0, 0.0, 8.944_272, 10.733_126, 14.310_835],
        ),
        (
            &[1, 3],
            &[1.0, 2.0, 3.0],
            [
                0.514_495_76,
                1.109_400_4,
                0.0,
                0.857_492_9,
                1.664_100_6,
                3.0,
            ],
        ),
        (&[], &[150.0_f32.sqrt()], v),
        (&[1, 1], &[150.0_f32.sqrt()], v),
    ] {
        for (g, direction) in [
            ("fc.weight_g", "fc.weight_v"),
            (
                "fc.parametrizations.weight.original0",
                "fc.parametrizations.weight.original1",
            ),
        ] {
            let (kind, shape, values) =
                weight(&[(g, gain, gains), (direction, &[2, 3], &v)], "fc.weight");
            assert_eq!(
                (kind, &shape[..]),
                (Parametrization::WeightNorm, &[2, 3][..])
            );
            for (value, expected) in values.iter().zip(expected) {
                assert!((value - expected).abs() < 2e-6, "{gain:?}: {values:?}");
            }
        }
    }
}

#[test]
fn spectral_norm_divides_by_the_value_that_its_vectors_give() {
    let matrix = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    // 1·(1 + 4 + 9) + 2·(4 + 10 + 18) = 78.
    let (left, right) = ([1.0, 2.0], [1.0, 2.0, 3.0]);
    for [weight_name, u, v] in [
        ["fc.weight_orig", "fc.weight_u", "fc.weight_v"],
        [
            "fc.parametrizations.weight.original",
            "fc.parametrizations.weight.0._u",
            "fc.parametrizations.weight.0._v",
        ],
    ] {
        let tensors: [Given; 3] = [
            (weight_name, &[2, 3], &matrix),
            (u, &[2], &left),
            (v, &[3], &right),
        ];
        let (kind, _, values) = weight(&tensors, "fc.weight");
        assert_eq!(kind, Parametrization::SpectralNorm);
        assert_eq!(values, matrix.map(|value| value / 78.0));
    }
}

#[test]
fn a_pruned_weight_is_masked() {
    let tensors: [Given; 2] = [
        ("fc.bias_orig", &[3], &[1.0, 2.0, 3.0]),
        ("fc.bias_mask", &[3], &[1.0, 0.0, 1.0]),
    ];
    let (kind, _, values) = weight(&tensors, "fc.bias");
    assert_eq!(
        (kind, &values[..]),
        (Parametrization::Pruning, &[1.0, 0.0, 3.0][..])
    );
}

#[test]
fn other_parametrizations_stay_as_they_are_stored() {
    let one = |name| -> Given { (name, &[2, 2], &[1.0; 4]) };
    let vector = |name| -> Given { (name, &[2], &[1.0; 2]) };
    for tensors in [
        // Orthogonal, and one of a module of one's own.
        vec![
            one("fc.parametrizations.weight.original"),
            one("fc.parametrizations.weight.0.base"),
        ],
        vec![one("fc.parametrizations.weight.original")],
        // A second one beside spectral norm.
        vec![
            ("fc.parametrizations.weight.original", &[2, 1], &[1.0; 2]),
            vector("fc.parametrizations.weight.0._u"),
            ("fc.parametrizations.weight.0._v", &[1], &[1.0]),
            vector("fc.parametrizations.weight.1.scale"),
        ],
        // The vectors may be those of either axis.
        vec![
            one("fc.weight_orig"),
            vector("fc.weight_u"),
            vector("fc.weight_v"),
        ],
        // Of torch 0.4, which kept one vector.
        vec![one("fc.weight_orig"), vector("fc.weight_u")],
        vec![one("fc.weight_v"), vector("fc.weight_g")],
        // One length for each element.
        vec![one("fc.weight_v"), one("fc.weight_g")],
        vec![
            one("fc.weight_v"),
            ("fc.weight_g", &[2, 1], &[1.0; 2]),
            one("fc.weight"),
        ],
        vec![one("fc.weight_orig"), vector("fc.weight_mask")],
        vec![one("query_v"), ("query_g", &[2, 1], &[1.0; 2])],
    ] {
        let (source, kinds) = Computed::over(Box::new(stored(&tensors)));
        assert!(kinds.is_empty(), "{kinds:?}");
        assert_eq!(source.tensors().len(), tensors.len());
    }
}
