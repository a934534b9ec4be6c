//! Threads that the system may refuse: a limit of processes counts threads too.

use rayon::ThreadBuilder;
use std::io;
use std::num::NonZero;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// Starts the threads that share the work on tensors, once a process: `wanted`, by default as many as there are processors.
/// Where the system refuses one of them, the calling thread does all the work. Gives how many work.
///
/// Without this call the first use of the threads starts them, and panics where the system refuses one.
pub fn start_threads(wanted: Option<NonZero<usize>>) -> usize {
    let processors = || thread::available_parallelism().map_or(1, NonZero::get);
    let wanted = wanted.map_or_else(processors, NonZero::get);
    let builder = rayon::ThreadPoolBuilder::new();
    // It fails where they were started before, and those stay.
    let _ = match idle(wanted) {
        Ok(mut idle) => builder
            .num_threads(wanted)
            .spawn_handler(|work| {
                let thread = idle.pop().ok_or(io::ErrorKind::NotFound)?;
                let gone = |_| io::ErrorKind::BrokenPipe.into();
                thread.send(work).map_err(gone)
            })
            .build_global(),
        Err(_) => builder.num_threads(1).use_current_thread().build_global(),
    };
    rayon::current_num_threads()
}

/// So many threads, each of which waits for its work; all or none. What a pool cannot start the first time stays missing, so
/// the threads come before the pool.
fn idle(count: usize) -> io::Result<Vec<SyncSender<ThreadBuilder>>> {
    let start = |_| {
        let (send, receive) = sync_channel::<ThreadBuilder>(1);
        let wait = move || {
            if let Ok(work) = receive.recv() {
                work.run();
            }
        };
        thread::Builder::new().spawn(wait).map(|_| send)
    };
    (0..count).map(start).collect()
}
