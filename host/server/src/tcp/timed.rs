//! A connection whose other end has to read what it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{self, Instant, Sleep};

/// As long nothing may be taken of what is to be sent. A stream on which nothing is to be sent may be
/// silent as long as it likes.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// A connection that ends when the other end does not read.
#[derive(Debug)]
pub(super) struct Timed<S> {
    stream: S,
    /// When to give up, while something waits to be sent.
    end: Pin<Box<Sleep>>,
    waits: bool,
    write_time: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Timed<S> {
    pub(super) fn new(stream: S) -> Self {
        Self::within(stream, WRITE_TIME)
    }

    fn within(stream: S, write_time: Duration) -> Self {
        let end = Box::pin(time::sleep(write_time));
        Self {
            stream,
            end,
            waits: false,
            write_time,
        }
    }

    fn sent(
        &mut self,
        context: &mut Context<'_>,
        sent: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if sent.is_ready() {
            self.waits = false;
            return sent;
        }
        if !self.waits {
            self.waits = true;
            self.end.as_mut().reset(Instant::now() + self.write_time);
        }
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(context, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.sent(context, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Of TCP there is nothing to flush: only what is written counts.
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn only_an_end_that_does_not_read_is_given_up() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let (stream, other) = tokio::net::UnixStream::pair().unwrap();
            let mut timed = Timed::within(stream, Duration::from_millis(50));
            // As long as nothing is sent, nothing ends.
            time::sleep(Duration::from_millis(120)).await;
            let mut write = async || {
                let bytes = [0; 64 * 1024];
                poll_fn(|context| Pin::new(&mut timed).poll_write(context, &bytes)).await
            };
            // The system takes a part of it.
            write().await.unwrap();
            time::sleep(Duration::from_millis(120)).await;
            let error = loop {
                if let Err(error) = write().await {
                    break error;
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            drop(other);
        });
    }
}
