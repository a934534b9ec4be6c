//! What a parent and its worker say to each other over the worker's standard input and output.
//!
//! A message is one line of JSON, and after it the elements of every tensor that the line announces, as
//! little-endian f64 in row-major order, with nothing between. The parent sends one job and keeps the
//! pipe open; the worker ends when the pipe closes, so it cannot outlive its parent. The worker answers a run with
//! events, of which `failed` or `done` is the last, and a look at a library with one message.

use super::event::Event;
use super::wire::{
    PathLine, TensorLine, lines, malformed, read_line, read_tensors, write_elements, write_line,
};
use super::{LibraryContents, Mode, RunOptions};
use crate::runtime::RuntimeName;
use crate::runtime::device::Device;
use crate::runtime::outcome::{CaseOutcome, Timings, Trouble};
use crate::runtime::placement::Placement;
use crate::runtime::rounding::Rounding;
use crate::tensor::NamedTensor;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

/// What a worker is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Run a file.
    Run(RunJob),
    /// Load this library of ONNX Runtime, and tell what it has and lacks.
    LookAt(PathBuf),
}

/// A file to run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunJob {
    /// What is run, and how.
    pub options: RunOptions,
    /// The shared library of the runtime, absolute, where it has one.
    pub library: Option<PathBuf>,
    /// Sets of inputs, each for one run.
    pub cases: Vec<Vec<NamedTensor>>,
    /// The memory limit of the process that runs it, in bytes; none to leave it as it is.
    pub memory_limit: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum JobLine {
    Run(RunLine),
    LookAt(PathLine),
}

#[derive(Serialize, Deserialize)]
struct RunLine {
    runtime: RuntimeName,
    library: Option<PathLine>,
    file: PathLine,
    threads: Option<usize>,
    #[serde(default)]
    roundings: Vec<Rounding>,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    leave_out: Vec<String>,
    memory_limit: Option<u64>,
    cases: Vec<Vec<TensorLine>>,
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
    match job {
        Job::Run(run) => write_run(run, out)?,
        Job::LookAt(library) => write_line(&JobLine::LookAt(library.as_path().into()), out)?,
    }
    out.flush()
}

fn write_run(run: &RunJob, out: &mut impl Write) -> io::Result<()> {
    let options = &run.options;
    let line = RunLine {
        runtime: options.runtime,
        library: run.library.as_deref().map(PathLine::from),
        file: options.file.as_path().into(),
        threads: options.threads,
        roundings: options.roundings.clone(),
        mode: options.mode,
        leave_out: options.leave_out.clone(),
        memory_limit: run.memory_limit,
        cases: run.cases.iter().map(|case| lines(case)).collect(),
    };
    write_line(&JobLine::Run(line), out)?;
    for tensor in run.cases.iter().flatten() {
        write_elements(&tensor.data, out)?;
    }
    Ok(())
}

/// Receives a job; its memory limit is handed to `set_limit` before the inputs are read.
pub fn read_job(input: &mut impl BufRead, set_limit: fn(u64)) -> io::Result<Job> {
    let line = match read_line(input)?.ok_or_else(|| malformed("there is no job"))? {
        JobLine::Run(line) => line,
        JobLine::LookAt(library) => return Ok(Job::LookAt(library.into())),
    };
    line.memory_limit.into_iter().for_each(set_limit);
    let mut cases = Vec::new();
    for case in line.cases {
        cases.push(read_tensors(case, input)?);
    }
    Ok(Job::Run(RunJob {
        options: RunOptions {
            runtime: line.runtime,
            file: line.file.into(),
            threads: line.threads,
            roundings: line.roundings,
            mode: line.mode,
            leave_out: line.leave_out,
        },
        library: line.library.map(PathBuf::from),
        cases,
        memory_limit: line.memory_limit,
    }))
}

/// Sends what a library has and lacks, or why it cannot be used.
pub fn write_contents(
    contents: &Result<LibraryContents, String>,
    out: &mut impl Write,
) -> io::Result<()> {
    write_line(contents, out)?;
    out.flush()
}

/// Receives what a library has and lacks; none at the end of the stream.
pub fn read_contents(
    input: &mut impl BufRead,
) -> io::Result<Option<Result<LibraryContents, String>>> {
    read_line(input)
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

fn case_line(case: &CaseOutcome) -> CaseLine {
    CaseLine {
        prepare_seconds: case.prepare_seconds,
        run_seconds: case.run_seconds,
        outputs: lines(&case.outputs),
    }
}

fn read_case(line: CaseLine, input: &mut impl BufRead) -> io::Result<CaseOutcome> {
    Ok(CaseOutcome {
        prepare_seconds: line.prepare_seconds,
        run_seconds: line.run_seconds,
        outputs: read_tensors(line.outputs, input)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::placement::Source;
    use crate::tensor::Element;

    fn tensor(name: &str, shape: &[usize], data: &[f64]) -> NamedTensor {
        NamedTensor {
            name: name.into(),
            shape: shape.into(),
            element: Element::F16,
            data: data.to_vec().into(),
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
        let mut job = RunJob {
            options: RunOptions {
                threads: Some(3),
                roundings: vec![
                    Rounding::OwnTypes,
                    Rounding::Value {
                        name: "a".to_owned(),
                        element: Element::Bf16,
                    },
                ],
                mode: Mode::Time { runs: 4 },
                leave_out: vec!["label".to_owned()],
                ..RunOptions::new(RuntimeName::OrtCpu, "a model.onnx")
            },
            library: Some("/a/library.so".into()),
            cases,
            memory_limit: Some(1 << 40),
        };
        let assert_read_back = |job: Job| {
            let mut bytes = Vec::new();
            write_job(&job, &mut bytes).expect("written");
            assert_eq!(read_job(&mut bytes.as_slice(), |_| ()).expect("read"), job);
        };
        assert_read_back(Job::Run(job.clone()));
        assert_read_back(Job::LookAt("/a/library.so".into()));
        #[cfg(unix)]
        {
            use std::ffi::OsString;
            use std::os::unix::ffi::OsStringExt;
            job.options.file = OsString::from_vec(vec![b'a', 0xff]).into();
            assert_read_back(Job::Run(job));
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
            Event::Tf32Case(CaseOutcome {
                prepare_seconds: 0.0,
                run_seconds: 1.0,
                outputs: vec![tensor("a", &[1], &[0.25])],
            }),
            Event::Case(CaseOutcome {
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
