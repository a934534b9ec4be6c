//! The keys of `--form`: what of a file's form is seldom asked for.

use super::text;
use efficientnet_onnx::form::{Form, Linear, Pool, Swish};
use efficientnet_onnx::onnx::opset::IrVersion;
use efficientnet_onnx::onnx::{Alignment, ExternalLayout};

/// What `--form` says, key by key; none is the default.
#[derive(Clone, Debug, Default)]
pub struct Spelling {
    swish: Option<Swish>,
    pool: Option<Pool>,
    head: Option<Linear>,
    ir_version: Option<IrVersion>,
    alignment: Option<Alignment>,
    threshold: Option<u64>,
}

/// A key, what may stand behind it, and how that is taken.
struct Key {
    name: &'static str,
    expected: &'static str,
    /// Takes a value; none if it is not legal.
    take: fn(&mut Spelling, &str) -> Option<()>,
}

const KEYS: [Key; 6] = [
    Key {
        name: "swish",
        expected: "`sigmoid-mul` or `swish-op`",
        take: |form, value| {
            form.swish = Some(Swish::by_name(value)?);
            Some(())
        },
    },
    Key {
        name: "pool",
        expected: "`global-average` or `reduce-mean`",
        take: |form, value| {
            form.pool = Some(Pool::by_name(value)?);
            Some(())
        },
    },
    Key {
        name: "head",
        expected: "`gemm` or `matmul`",
        take: |form, value| {
            form.head = Some(Linear::by_name(value)?);
            Some(())
        },
    },
    Key {
        name: "ir",
        expected: "a number from 7 to 14",
        take: |form, value| {
            form.ir_version = Some(IrVersion::new(value.parse().ok()?)?);
            Some(())
        },
    },
    Key {
        name: "align",
        expected: "a power of two from 1 to 65536",
        take: |form, value| {
            form.alignment = Some(Alignment::new(value.parse().ok()?)?);
            Some(())
        },
    },
    Key {
        name: "threshold",
        expected: "a number of bytes",
        take: |form, value| {
            form.threshold = Some(value.parse().ok()?);
            Some(())
        },
    },
];

/// What `--help` says of the keys.
pub const HELP: &str = "Rare spellings, separated by commas:\n\
    swish=sigmoid-mul|swish-op: Sigmoid and Mul [default], or Swish, from opset 24 on\n\
    pool=global-average|reduce-mean: GlobalAveragePool [default from opset 18 on], or ReduceMean [default up to 17], whose \
    axes are an operand from 18 on\n\
    head=gemm|matmul: linear layers as Gemm [default in f32], or MatMul and Add [default in half precision]\n\
    ir=N: IR version, at most 14 [default: the lowest that may carry the opset]\n\
    align=N: tensors in FILE.data start at multiples of N bytes, a power of two, at most 65536 [default: 4096]\n\
    threshold=N: tensors of fewer bytes stay in FILE where others go into FILE.data [default: 0]";

/// Reads `KEY=VALUE,…`.
pub fn parse(text: &str) -> Result<Spelling, String> {
    let mut spelling = Spelling::default();
    let mut seen = Vec::new();
    for part in text.split(',') {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| format!("expected KEY=VALUE, found `{part}`"))?;
        let key = KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
            let known = KEYS.map(|key| format!("`{}`", key.name));
            format!(
                "expected {} before `=`, found `{name}`",
                text::either(&known)
            )
        })?;
        if seen.contains(&name) {
            return Err(format!("`{name}` stands there twice"));
        }
        seen.push(name);
        (key.take)(&mut spelling, value)
            .ok_or_else(|| format!("`{name}`: expected {}, found `{value}`", key.expected))?;
    }
    Ok(spelling)
}

impl Spelling {
    /// A form with what is said in place of its own.
    pub fn over(&self, form: Form) -> Form {
        Form {
            swish: self.swish.unwrap_or(form.swish),
            pool: self.pool.or(form.pool),
            head: self.head.or(form.head),
            ir_version: self.ir_version.or(form.ir_version),
            ..form
        }
    }

    /// How tensors lie in a file of external data.
    pub fn layout(&self) -> ExternalLayout {
        let usual = ExternalLayout::default();
        ExternalLayout {
            alignment: self.alignment.unwrap_or(usual.alignment),
            threshold: self.threshold.unwrap_or(usual.threshold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_read() {
        let spelling =
            parse("pool=reduce-mean,head=matmul,ir=10,align=64,threshold=1024,swish=swish-op");
        let spelling = spelling.expect("legal");
        let form = spelling.over(Form::default());
        assert_eq!(form.pool, Some(Pool::ReduceMean));
        assert_eq!(form.head, Some(Linear::MatMul));
        assert_eq!(form.swish, Swish::SwishOp);
        assert_eq!(form.ir_version.map(IrVersion::number), Some(10));
        let layout = spelling.layout();
        assert_eq!((layout.alignment.bytes(), layout.threshold), (64, 1024));
        assert_eq!(
            parse("ir=9").expect("legal").layout(),
            ExternalLayout::default()
        );
    }

    #[test]
    fn what_is_not_a_key_or_its_value_is_told_with_what_is() {
        let known = "expected `swish`, `pool`, `head`, `ir`, `align` or `threshold` before `=`, found `swisch`";
        for (text, expected) in [
            ("swisch=swish-op", known),
            ("swish", "expected KEY=VALUE, found `swish`"),
            ("", "expected KEY=VALUE, found ``"),
            ("ir=8,", "expected KEY=VALUE, found ``"),
            (
                "swish=silu",
                "`swish`: expected `sigmoid-mul` or `swish-op`, found `silu`",
            ),
            (
                "pool=mean",
                "`pool`: expected `global-average` or `reduce-mean`, found `mean`",
            ),
            (
                "head=dense",
                "`head`: expected `gemm` or `matmul`, found `dense`",
            ),
            ("ir=15", "`ir`: expected a number from 7 to 14, found `15`"),
            ("ir=6", "`ir`: expected a number from 7 to 14, found `6`"),
            (
                "align=48",
                "`align`: expected a power of two from 1 to 65536, found `48`",
            ),
            (
                "align=0",
                "`align`: expected a power of two from 1 to 65536, found `0`",
            ),
            (
                "align=131072",
                "`align`: expected a power of two from 1 to 65536, found `131072`",
            ),
            (
                "threshold=-1",
                "`threshold`: expected a number of bytes, found `-1`",
            ),
            ("ir=9,ir=9", "`ir` stands there twice"),
        ] {
            assert_eq!(parse(text).expect_err(text), expected);
        }
    }
}
