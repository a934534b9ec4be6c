//! Runs a classifier on pictures: loads them in groups, runs each group, and ranks the classes.

use super::classifier::Classifier;
use super::error::OutputsError;
use super::map::{ClassMap, MappedClass};
use super::ranked::RankedClass;
use crate::memory::{Buffer, NoMemory};
use crate::onnx::file::plain::Change;
use crate::picture::{PictureError, Pixels};
use crate::runtime::RuntimeName;
use crate::runtime::outcome::{Outcome, Trouble};
use crate::runtime::process::{Host, PassedOver, ProcessError, RunOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Elements of prepared pictures that are kept at once: 256 MiB. Each such group loads the file again.
const GROUP_ELEMENTS: usize = 64 << 20;

/// How pictures are classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassifyOptions {
    /// The runtime; by default the first that is built in of tract, ONNX Runtime on the CPU, and the reference.
    pub runtime: RuntimeName,
    /// Number of classes to rank for each picture; by default those that reach the file's thresholds, or 5 where it has none.
    pub top: Option<usize>,
    /// The class whose activation map is taken of each picture, if any; [`Classifier::check_maps`] says whether the file has
    /// maps.
    pub map: Option<MappedClass>,
    /// Time limit of the runtime, for each group of pictures, where it runs in a worker; by default
    /// [`Classifier::seconds`] for all pictures.
    pub limit: Option<Duration>,
}

impl Default for ClassifyOptions {
    fn default() -> Self {
        let fast = [RuntimeName::Tract, RuntimeName::OrtCpu];
        let built = fast.into_iter().find(|runtime| runtime.is_built());
        Self {
            runtime: built.unwrap_or(RuntimeName::Reference),
            top: None,
            map: None,
            limit: None,
        }
    }
}

/// Something to know while pictures are classified.
#[derive(Debug)]
pub enum ClassifyNote<'a> {
    /// A picture cannot be loaded; the others still are.
    Unloadable(&'a PictureError),
    /// A library of the runtime was found and could not be used, so that the next was tried.
    PassedOver(&'a PassedOver),
    /// The runtime runs a copy of the file with this change.
    Changed(&'a Change),
}

/// The classes of pictures, and how the runtime that computed them did.
#[derive(Debug, Default)]
pub struct Classification {
    /// The version of the runtime's library, once it could be used.
    pub version: Option<String>,
    /// How the copy that ran differs from the file.
    pub changes: Vec<Change>,
    /// Time to load the file, over all groups of pictures.
    pub load_seconds: Option<f64>,
    /// Time to make the graph ready for the shape of its input.
    pub prepare_seconds: Option<f64>,
    /// Every picture, in the order in which they were given; without the groups after one that failed.
    pub pictures: Vec<ClassifiedPicture>,
    /// Why not every picture that could be loaded was classified.
    pub failure: Option<ClassifyFailure>,
}

/// A picture and its most probable classes.
#[derive(Debug)]
pub struct ClassifiedPicture {
    /// The picture's file.
    pub path: PathBuf,
    /// Its most probable classes, most probable first; empty if it was not classified, or no class reaches its threshold.
    pub top: Vec<RankedClass>,
    /// The activation map of a class, if one was asked for and the picture was classified.
    pub map: Option<ClassMap>,
    /// Time to read, decode and resize it.
    pub load_seconds: f64,
    /// Time of the run that it was in.
    pub run_seconds: Option<f64>,
    /// Whether its EXIF record turned or mirrored it.
    pub turned: bool,
    /// Why it could not be loaded.
    pub error: Option<PictureError>,
}

/// Why the runtime did not classify all pictures.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClassifyFailure {
    /// The runtime did not run the file on all of them.
    #[error("{0}")]
    Trouble(Trouble),
    /// Its outputs are not probabilities of classes.
    #[error(transparent)]
    Outputs(#[from] OutputsError),
}

impl Classifier {
    /// Classifies JPEG and PNG files with the runtime of `options`, where `host` runs it, and tells `tell` what is to be
    /// known as it comes.
    ///
    /// A picture that cannot be loaded has an error in place of classes, and the others are still classified. So many
    /// pictures are loaded at once as take 256 MiB when prepared, or fewer where the memory limit has no room for them.
    ///
    /// # Errors
    ///
    /// If the host is interrupted, the temporary files of a run do not fit the disk, or a batch does not fit the memory
    /// limit. What a runtime does wrong is [`Classification::failure`].
    ///
    /// # Panics
    /// If the class whose map is asked for is not one of the file's.
    pub fn classify(
        &self,
        pictures: &[impl AsRef<Path>],
        options: &ClassifyOptions,
        host: &Host,
        tell: &mut dyn FnMut(ClassifyNote<'_>),
    ) -> Result<Classification, ProcessError> {
        let limit = options
            .limit
            .unwrap_or_else(|| Duration::from_secs(self.seconds(pictures.len())));
        let run_options = RunOptions {
            leave_out: self.leave_out(),
            ..RunOptions::new(options.runtime, self.path())
        };
        let mut found = Classification::default();
        self.check_batch()?;
        let mut left = pictures;
        while !left.is_empty() {
            // What earlier groups leave behind takes room.
            let per_group = self.group((GROUP_ELEMENTS / self.row_elements()).max(1));
            let (group, others) = left.split_at(per_group.min(left.len()));
            left = others;
            let loaded = self.load_group(group, options, host, &mut found, tell)?;
            let Loaded { places, rows, seen } = loaded;
            if rows.is_empty() {
                continue;
            }
            let batches = rows.chunks(self.batch());
            let cases = batches.map(|rows| Ok(vec![self.input(rows)?]));
            let cases = cases.collect::<Result<Vec<_>, NoMemory>>()?;
            drop(rows);
            let run = host.run(&run_options, &cases, limit)?;
            for passed_over in &run.passed_over {
                tell(ClassifyNote::PassedOver(passed_over));
            }
            for change in &run.changes {
                if !found.changes.contains(change) {
                    tell(ClassifyNote::Changed(change));
                }
            }
            found.changes = run.changes;
            if let Err(failure) = self.rank(run.outcome, (&places, seen), options, &mut found) {
                found.failure = Some(failure);
                break;
            }
        }
        Ok(found)
    }

    /// Loads pictures and adds them to `found`.
    fn load_group(
        &self,
        pictures: &[impl AsRef<Path>],
        options: &ClassifyOptions,
        host: &Host,
        found: &mut Classification,
        tell: &mut dyn FnMut(ClassifyNote<'_>),
    ) -> Result<Loaded, ProcessError> {
        let mut group = Loaded::default();
        for path in pictures.iter().map(AsRef::as_ref) {
            if host.interrupted.load(Ordering::SeqCst) {
                return Err(ProcessError::Interrupted);
            }
            let start = Instant::now();
            let mut turned = false;
            let loaded = self.load(path).and_then(|loaded| {
                let row = loaded.values;
                turned = loaded.turned;
                let seen = options
                    .map
                    .map(|_| Pixels::of_input(&row, self.preprocessing()));
                Ok((row, seen.transpose()?))
            });
            let load_seconds = start.elapsed().as_secs_f64();
            let error = match loaded {
                Ok((row, seen)) => {
                    group.places.push(found.pictures.len());
                    group.rows.push(row);
                    group.seen.push(seen);
                    None
                }
                Err(error) => {
                    tell(ClassifyNote::Unloadable(&error));
                    Some(error)
                }
            };
            found.pictures.push(ClassifiedPicture {
                path: path.to_owned(),
                top: Vec::new(),
                map: None,
                load_seconds,
                run_seconds: None,
                turned,
                error,
            });
        }
        Ok(group)
    }

    /// Adds what came of a run on the pictures at `places`, which are in its cases in that order.
    fn rank(
        &self,
        outcome: Outcome,
        (places, seen): (&[usize], Vec<Option<Pixels>>),
        options: &ClassifyOptions,
        found: &mut Classification,
    ) -> Result<(), ClassifyFailure> {
        found.version = outcome.version.or(found.version.take());
        add(&mut found.load_seconds, outcome.load_seconds);
        let mut seen = seen.into_iter();
        for (case, places) in outcome.cases.iter().zip(places.chunks(self.batch())) {
            add(&mut found.prepare_seconds, Some(case.prepare_seconds));
            let rows = self.probabilities(&case.outputs)?;
            for (index, (&place, row)) in places.iter().zip(rows).enumerate() {
                let picture = &mut found.pictures[place];
                picture.run_seconds = Some(case.run_seconds);
                picture.top = self.to_name(&row, options.top);
                if let (Some(of), Some(seen)) = (options.map, seen.next().flatten()) {
                    let class = self.mapped(of, &row);
                    let map = self.map(&case.outputs, index, class.class)?;
                    picture.map = Some(ClassMap {
                        class,
                        map,
                        picture: seen,
                    });
                }
            }
        }
        outcome
            .trouble
            .map_or(Ok(()), |trouble| Err(ClassifyFailure::Trouble(trouble)))
    }
}

/// The pictures of a group that could be loaded.
#[derive(Default)]
struct Loaded {
    /// Where each is in what is found.
    places: Vec<usize>,
    /// What the network gets of each.
    rows: Vec<Buffer<f32>>,
    /// What it sees, where maps are asked for.
    seen: Vec<Option<Pixels>>,
}

fn add(total: &mut Option<f64>, seconds: Option<f64>) {
    if let Some(seconds) = seconds {
        *total = Some(total.unwrap_or_default() + seconds);
    }
}
