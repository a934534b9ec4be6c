//! A writer on a thread of its own, so that weights are drawn or read while the last chunks are written.

use super::chunk::{Chunk, batch_chunks};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes that are collected from small writes before they are handed over.
const COLLECTED: usize = 1 << 16;

/// Hands chunks of bytes to another thread, which writes them; writes them itself where the system refuses a thread.
pub struct Pipe {
    collected: Vec<u8>,
    writer: Option<Writer>,
}

/// Who writes.
enum Writer {
    Thread(Thread),
    Here(Box<dyn Write + Send>),
}

struct Thread {
    sender: SyncSender<Chunk>,
    empty: Receiver<Vec<u8>>,
    handle: JoinHandle<io::Result<()>>,
}

impl Writer {
    /// Starts a thread; as many chunks may wait as the current pool fills at a time.
    fn new(out: Box<dyn Write + Send>) -> Self {
        let waiting = batch_chunks();
        let (sender, full) = sync_channel::<Chunk>(waiting);
        let (give_back, empty) = sync_channel::<Vec<u8>>(2 * waiting);
        // The thread gets what it writes to once it is there, so that a refused one takes nothing along.
        let (give_out, receive_out) = sync_channel::<Box<dyn Write + Send>>(1);
        let write = move || {
            let Ok(mut out) = receive_out.recv() else {
                return Ok(());
            };
            for Chunk { buffer, bytes } in full {
                out.write_all(&buffer[bytes])?;
                // Enough buffers are back already, or the other side is gone.
                let _ = give_back.try_send(buffer);
            }
            out.flush()
        };
        match thread::Builder::new().spawn(write) {
            Ok(handle) => {
                let _ = give_out.send(out);
                Self::Thread(Thread {
                    sender,
                    empty,
                    handle,
                })
            }
            Err(_) => Self::Here(out),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Here(mut out) => out.flush(),
            Self::Thread(Thread { sender, handle, .. }) => {
                drop(sender);
                let panicked = |_| Err(io::Error::other("the writing thread panicked"));
                handle.join().unwrap_or_else(panicked)
            }
        }
    }
}

impl Pipe {
    /// Starts the thread.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            collected: Vec::new(),
            writer: Some(Writer::new(out)),
        }
    }

    /// A buffer that has been written if there is one, with what it holds.
    pub(super) fn buffer(&self) -> Vec<u8> {
        match &self.writer {
            Some(Writer::Thread(thread)) => thread.empty.try_recv().unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Hands over a chunk, after what was collected.
    pub(super) fn send(&mut self, chunk: Chunk) -> io::Result<()> {
        self.send_collected()?;
        self.hand_over(chunk)
    }

    fn send_collected(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.collected);
        self.hand_over(Chunk {
            bytes: 0..buffer.len(),
            buffer,
        })
    }

    /// Writes what is left and waits until everything is written.
    ///
    /// # Errors
    /// If anything that was handed over could not be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.send_collected()?;
        self.join()
    }

    fn hand_over(&mut self, chunk: Chunk) -> io::Result<()> {
        if chunk.bytes.is_empty() {
            return Ok(());
        }
        match &mut self.writer {
            Some(Writer::Here(out)) => out.write_all(&chunk.buffer[chunk.bytes]),
            Some(Writer::Thread(thread)) if thread.sender.send(chunk).is_ok() => Ok(()),
            // The writer ended early; it says why.
            _ => Err(self
                .join()
                .err()
                .unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn join(&mut self) -> io::Result<()> {
        self.writer.take().map_or(Ok(()), Writer::finish)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.collected.extend_from_slice(bytes);
        if self.collected.len() >= COLLECTED {
            self.send_collected()?;
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
        let chunk = vec![0; COLLECTED];
        let result = (0..100)
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
