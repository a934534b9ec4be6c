//! What a parent and its worker say to each other over the worker's standard input and output.
//!
//! A message is one line of JSON, and after it the elements of every tensor that the line announces, as
//! little-endian f64 in row-major order, with nothing between. The parent sends one job and keeps the
//! pipe open; the worker ends when the pipe closes, so it cannot outlive its parent. The worker answers with
//! events, of which `failed` or `done` is the last. Both sides trust nothing: a line is at most 1 MiB, and a
//! tensor is read piece by piece, so that an announced size allocates nothing.

use super::{Mode, RunOptions};
use crate::runtime::RuntimeName;
use crate::runtime::device::Device;
use crate::runtime::outcome::{CaseRun, Event, Timings, Trouble};
use crate::runtime::placement::Placement;
use crate::tensor::{Element, NamedTensor};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

const LONGEST_LINE: u64 = 1 << 20;
/// Bytes that are read at a time.
const PIECE: usize = 1 << 16;

/// What a worker is to compute.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// What is run, and how.
    pub options: RunOptions,
    /// The shared library of the runtime, absolute, where it has one.
    pub library: Option<PathBuf>,
    /// Sets of inputs, each for one run.
    pub cases: Vec<Vec<NamedTensor>>,
}

#[derive(Serialize, Deserialize)]
struct JobLine {
    runtime: RuntimeName,
    library: Option<PathLine>,
    file: PathLine,
    threads: Option<usize>,
    #[serde(default)]
    rounded: bool,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    leave_out: Vec<String>,
    cases: Vec<Vec<TensorLine>>,
}

/// A path, also one that is not UTF-8.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PathLine {
    Text(String),
    Other(OsString),
}

impl From<&Path> for PathLine {
    fn from(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Other(path.into()),
        }
    }
}

impl From<PathLine> for PathBuf {
    fn from(line: PathLine) -> Self {
        match line {
            PathLine::Text(text) => text.into(),
            PathLine::Other(path) => path.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct TensorLine {
    name: String,
    shape: Vec<usize>,
    element: Element,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventLine {
    Ready { version: String },
    Device(Device),
    Placement(Placement),
    Loaded { seconds: f64 },
    Case(CaseLine),
    Tf32Case(CaseLine),
    Timings(Timings),
    Failed(Trouble),
    Done,
}

#[derive(Serialize, Deserialize)]
struct CaseLine {
    prepare_seconds: f64,
    run_seconds: f64,
    outputs: Vec<TensorLine>,
}

/// Sends a job.
pub fn write_job(job: &Job, out: &mut impl Write) -> io::Result<()> {
    let options = &job.options;
    let line = JobLine {
        runtime: options.runtime,
        library: job.library.as_deref().map(PathLine::from),
        file: options.file.as_path().into(),
        threads: options.threads,
        rounded: options.rounded,
        mode: options.mode,
        leave_out: options.leave_out.clone(),
        cases: job.cases.iter().map(|case| lines(case)).collect(),
    };
    write_line(&line, out)?;
    for tensor in job.cases.iter().flatten() {
        write_elements(&tensor.data, out)?;
    }
    out.flush()
}

/// Receives a job.
pub fn read_job(input: &mut impl BufRead) -> io::Result<Job> {
    let line: JobLine = read_line(input)?.ok_or_else(|| malformed("there is no job"))?;
    let mut cases = Vec::new();
    for case in line.cases {
        cases.push(read_tensors(case, input)?);
    }
    Ok(Job {
        options: RunOptions {
            runtime: line.runtime,
            file: line.file.into(),
            threads: line.threads,
            rounded: line.rounded,
            mode: line.mode,
            leave_out: line.leave_out,
        },
        library: line.library.map(PathBuf::from),
        cases,
    })
}

/// Sends an event.
pub fn write_event(event: &Event, out: &mut impl Write) -> io::Result<()> {
    let line = match event {
        Event::Ready { version } => EventLine::Ready {
            version: version.clone(),
        },
        Event::Device(device) => EventLine::Device(device.clone()),
        Event::Placement(placement) => EventLine::Placement(placement.clone()),
        Event::Loaded { seconds } => EventLine::Loaded { seconds: *seconds },
        Event::Case(case) => EventLine::Case(case_line(case)),
        Event::Tf32Case(case) => EventLine::Tf32Case(case_line(case)),
        Event::Timings(timings) => EventLine::Timings(timings.clone()),
        Event::Failed(trouble) => EventLine::Failed(trouble.clone()),
        Event::Done => EventLine::Done,
    };
    write_line(&line, out)?;
    if let Event::Case(case) | Event::Tf32Case(case) = event {
        for tensor in &case.outputs {
            write_elements(&tensor.data, out)?;
        }
    }
    out.flush()
}

/// Receives an event; none at the end of the stream.
pub fn read_event(input: &mut impl BufRead) -> io::Result<Option<Event>> {
    let Some(line) = read_line(input)? else {
        return Ok(None);
    };
    Ok(Some(match line {
        EventLine::Ready { version } => Event::Ready { version },
        EventLine::Device(device) => Event::Device(device),
        EventLine::Placement(placement) => Event::Placement(placement),
        EventLine::Loaded { seconds } => Event::Loaded { seconds },
        EventLine::Case(case) => Event::Case(read_case(case, input)?),
        EventLine::Tf32Case(case) => Event::Tf32Case(read_case(case, input)?),
        EventLine::Timings(timings) => Event::Timings(timings),
        EventLine::Failed(trouble) => Event::Failed(trouble),
        EventLine::Done => Event::Done,
    }))
}

fn case_line(case: &CaseRun) -> CaseLine {
    CaseLine {
        prepare_seconds: case.prepare_seconds,
        run_seconds: case.run_seconds,
        outputs: lines(&case.outputs),
    }
}

fn read_case(line: CaseLine, input: &mut impl BufRead) -> io::Result<CaseRun> {
    Ok(CaseRun {
        prepare_seconds: line.prepare_seconds,
        run_seconds: line.run_seconds,
        outputs: read_tensors(line.outputs, input)?,
    })
}

fn lines(tensors: &[NamedTensor]) -> Vec<TensorLine> {
    tensors
        .iter()
        .map(|tensor| TensorLine {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            element: tensor.element,
        })
        .collect()
}

fn write_line(line: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

fn read_line<T: for<'a> Deserialize<'a>>(input: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    input.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let quoted = || {
        String::from_utf8_lossy(&line[..line.len().min(80)])
            .trim_end()
            .escape_debug()
            .to_string()
    };
    serde_json::from_slice(&line)
        .map(Some)
        .map_err(|_| malformed(&format!("`{}` is no message", quoted())))
}

fn write_elements(elements: &[f64], out: &mut impl Write) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(PIECE);
    for piece in elements.chunks(PIECE / 8) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|element| element.to_le_bytes()));
        out.write_all(&bytes)?;
    }
    Ok(())
}

fn read_tensors(lines: Vec<TensorLine>, input: &mut impl BufRead) -> io::Result<Vec<NamedTensor>> {
    let read = |line: TensorLine| {
        let size = line
            .shape
            .iter()
            .try_fold(1_usize, |size, &dimension| size.checked_mul(dimension));
        let size = size.filter(|size| *size <= isize::MAX as usize / 8);
        let size =
            size.ok_or_else(|| malformed(&format!("`{}` is announced too large", line.name)))?;
        Ok(NamedTensor {
            data: read_elements(size, input)?,
            name: line.name,
            shape: line.shape,
            element: line.element,
        })
    };
    lines.into_iter().map(read).collect()
}

fn read_elements(count: usize, input: &mut impl Read) -> io::Result<Vec<f64>> {
    let mut elements = Vec::new();
    let mut bytes = vec![0; PIECE];
    while elements.len() < count {
        let piece = &mut bytes[..((count - elements.len()).saturating_mul(8)).min(PIECE)];
        input.read_exact(piece)?;
        let (words, _) = piece.as_chunks::<8>();
        elements.extend(words.iter().map(|word| f64::from_le_bytes(*word)));
    }
    Ok(elements)
}

fn malformed(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::placement::Source;

    fn tensor(name: &str, shape: &[usize], data: &[f64]) -> NamedTensor {
        NamedTensor {
            name: name.into(),
            shape: shape.into(),
            element: Element::F16,
            data: data.into(),
        }
    }

    #[test]
    fn a_job_and_every_event_are_read_back() {
        let cases = vec![
            vec![
                tensor("input", &[1, 2], &[1.0, -0.0]),
                tensor("mask", &[], &[f64::MIN_POSITIVE]),
            ],
            vec![tensor("input", &[0, 2], &[])],
        ];
        let mut job = Job {
            options: RunOptions {
                threads: Some(3),
                rounded: true,
                mode: Mode::Time { runs: 4 },
                leave_out: vec!["label".to_owned()],
                ..RunOptions::new(RuntimeName::OrtCpu, "a model.onnx")
            },
            library: Some("/a/library.so".into()),
            cases,
        };
        let read_back = |job: &Job| {
            let mut bytes = Vec::new();
            write_job(job, &mut bytes).expect("written");
            read_job(&mut bytes.as_slice()).expect("read")
        };
        assert_eq!(read_back(&job), job);
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            job.options.file = OsString::from_vec(vec![b'a', 0xff]).into();
            assert_eq!(read_back(&job), job);
        }

        let outputs = vec![tensor("logits", &[1, 20_000], &vec![0.5; 20_000])];
        let events = [
            Event::Ready {
                version: "1.2\n3".into(),
            },
            Event::Device(Device {
                device: Some("a device".into()),
                ..Device::default()
            }),
            Event::Placement(Placement::of(Source::Profile, "CUDA", vec![])),
            Event::Loaded { seconds: 0.1 },
            Event::Tf32Case(CaseRun {
                prepare_seconds: 0.0,
                run_seconds: 1.0,
                outputs: vec![tensor("a", &[1], &[0.25])],
            }),
            Event::Case(CaseRun {
                prepare_seconds: 1.5,
                run_seconds: 0.25,
                outputs,
            }),
            Event::Failed(Trouble::Refused {
                message: "no".into(),
            }),
            Event::Done,
        ];
        let mut bytes = Vec::new();
        for event in &events {
            write_event(event, &mut bytes).expect("written");
        }
        let mut input = bytes.as_slice();
        for event in events {
            assert_eq!(read_event(&mut input).expect("read"), Some(event));
        }
        assert_eq!(read_event(&mut input).expect("the end"), None);
    }

    #[test]
    fn nonsense_is_an_error() {
        let announced = |shape: &str| {
            format!(
                "{{\"case\":{{\"prepare_seconds\":0,\"run_seconds\":0,\"outputs\":[{{\"name\":\"x\",\"shape\":{shape},\"element\":\"f32\"}}]}}}}\n"
            )
        };
        let huge = announced("[4294967296,4294967296]");
        let truncated = announced("[1000000000000]");
        for text in [
            "hello\n",
            "{}\n",
            "{\"ready\":1}\n",
            &huge,
            &truncated,
            &"x".repeat(3 << 20),
        ] {
            assert!(
                read_event(&mut text.as_bytes()).is_err(),
                "{}",
                &text[..text.len().min(80)]
            );
        }
    }
}
