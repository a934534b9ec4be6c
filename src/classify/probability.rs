//! Turns logits into probabilities.

/// Softmax, in f64. The numbers must be finite.
pub fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits
        .iter()
        .map(|&logit| (logit - largest).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// The sigmoid of each, in f64. The numbers must be finite.
pub fn sigmoid(logits: &[f64]) -> Vec<f64> {
    logits
        .iter()
        .map(|&logit| 1.0 / (1.0 + (-logit).exp()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_is_a_distribution_even_of_large_numbers() {
        let row = softmax(&[1000.0, 1000.0 - 2.0_f64.ln(), f64::MIN]);
        assert!(
            (row[0] - 2.0 / 3.0).abs() < 1e-5 && (row[1] - 1.0 / 3.0).abs() < 1e-5,
            "{row:?}"
        );
        assert_eq!(row[2], 0.0);
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        assert_eq!(softmax(&[-3.0]), [1.0]);
    }

    #[test]
    fn a_sigmoid_is_of_each_logit_alone() {
        let row = sigmoid(&[0.0, 3.0_f64.ln(), -1e4, 1e4]);
        assert!((row[1] - 0.75).abs() < 1e-15, "{row:?}");
        assert_eq!((row[0], row[2], row[3]), (0.5, 0.0, 1.0));
    }
}
