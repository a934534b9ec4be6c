//! A writer on a thread of its own, so that weights are drawn or read while the last piece is written.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Bytes that are collected before they are handed over; more would leave the cache before they are written.
const CHUNK: usize = 1 << 19;
/// Chunks that may wait; with one being filled and one being written, 3 MiB in all.
const WAITING: usize = 4;

/// Collects bytes in chunks and writes them on another thread.
pub(super) struct Pipe {
    chunk: Vec<u8>,
    sender: Option<SyncSender<Vec<u8>>>,
    empty: Receiver<Vec<u8>>,
    writer: Option<JoinHandle<io::Result<()>>>,
}

impl Pipe {
    pub(super) fn new(mut out: Box<dyn Write + Send>) -> Self {
        let (sender, full) = sync_channel::<Vec<u8>>(WAITING);
        let (give_back, empty) = sync_channel::<Vec<u8>>(WAITING + 2);
        let writer = std::thread::spawn(move || {
            for mut chunk in full {
                out.write_all(&chunk)?;
                chunk.clear();
                // The other side may be gone already; then nobody needs the buffer.
                let _ = give_back.try_send(chunk);
            }
            out.flush()
        });
        Self {
            chunk: Vec::new(),
            sender: Some(sender),
            empty,
            writer: Some(writer),
        }
    }

    /// Writes what is left and waits until everything is written.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.hand_over()?;
        self.join()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let next = self.empty.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.chunk, next);
        match self.sender.as_ref().map(|sender| sender.send(full)) {
            Some(Ok(())) => Ok(()),
            // The writer ended early; it says why.
            _ => Err(self
                .join()
                .err()
                .unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn join(&mut self) -> io::Result<()> {
        self.sender = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the writing thread panicked")),
            None => Ok(()),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Pipe {
    /// Waits for the writer, so that no file is written to after its folder is gone.
    fn drop(&mut self) {
        let _ = self.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_of_the_writer_comes_back() {
        let mut pipe = Pipe::new(Box::new(Full));
        let chunk = vec![0; CHUNK];
        let result = (0..10)
            .try_for_each(|_| pipe.write_all(&chunk))
            .and_then(|()| pipe.finish());
        assert_eq!(
            result.map_err(|error| error.kind()),
            Err(io::ErrorKind::StorageFull)
        );
    }

    #[test]
    fn a_small_write_fails_at_the_end() {
        let mut pipe = Pipe::new(Box::new(Full));
        pipe.write_all(b"few bytes")
            .expect("they are only collected");
        assert_eq!(
            pipe.finish().map_err(|error| error.kind()),
            Err(io::ErrorKind::StorageFull)
        );
    }
}
