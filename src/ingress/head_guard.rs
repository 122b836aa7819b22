//! Sees what hyper hides: a second `Content-Length`.
//!
//! hyper answers 400 by itself when two lengths differ, but drops the second of two equal ones before the handler can
//! see it (hyper 1.12, `proto/h1/role.rs`: "we don't need to append this secondary length"). RFC 9112 section 6.3
//! allows that; a door that stands behind proxies of any kind should not: 400. So this reader stands between socket
//! and hyper, holds a head back until it is complete, and renames a second length to [`SECOND_LENGTH`], a name of the
//! same length that the handler refuses. It changes nothing else, and never more than a name.
//!
//! To find the next head it must know where a body ends: by its length, or not at all. After `Transfer-Encoding`, an
//! unreadable length or an oversized head it lets everything through unseen, because there hyper or the handler close
//! the connection after one answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits::HEAD_BYTES_MAX;

/// What a second `Content-Length` is called afterwards. Also refused when a caller sends it itself.
pub(crate) const SECOND_LENGTH: &str = "x-content-len2";

const LENGTH: &[u8] = b"content-length";
const READ_BYTES: usize = 8 * 1024;

/// The socket as hyper gets it.
#[derive(Debug)]
pub(crate) struct HeadGuard<IO> {
    io: IO,
    part: Part,
    /// Read from the socket, not yet given to hyper.
    held: Vec<u8>,
    /// How much of `held` may be given.
    free: usize,
    /// Where in `held` the search for the end of the head goes on, and where the current line began.
    searched: usize,
    line_start: usize,
    /// A line that is not empty was seen: the next empty one ends the head.
    begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Body(u64),
    Unseen,
}

impl<IO> HeadGuard<IO> {
    /// Stands before `io`.
    pub(crate) fn new(io: IO) -> Self {
        Self { io, part: Part::Head, held: vec![], free: 0, searched: 0, line_start: 0, begun: false }
    }

    /// The socket.
    pub(crate) fn into_inner(self) -> IO {
        self.io
    }

    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.free.min(buf.remaining());
        buf.put_slice(self.held.get(..count).unwrap_or_default());
        self.held.drain(..count);
        self.free -= count;
    }

    /// Frees what may go on; false when more must be read first.
    fn advance(&mut self) -> bool {
        match self.part {
            Part::Unseen => self.free = self.held.len(),
            Part::Body(left) => {
                self.free = usize::try_from(left).unwrap_or(usize::MAX).min(self.held.len());
                let left = left.saturating_sub(self.free as u64);
                self.part = if left == 0 { Part::Head } else { Part::Body(left) };
            }
            Part::Head => match self.find_head_end() {
                Some(end) => {
                    (self.searched, self.line_start, self.begun) = (0, 0, false);
                    self.part = inspect(self.held.get_mut(..end).unwrap_or_default());
                    self.free = end;
                }
                // hyper says 431.
                None if self.held.len() > HEAD_BYTES_MAX => {
                    self.part = Part::Unseen;
                    self.free = self.held.len();
                }
                None => {}
            },
        }
        self.free > 0
    }

    /// The length of the head with its empty line. Empty lines before it belong to it, as in hyper's parser.
    fn find_head_end(&mut self) -> Option<usize> {
        while let Some(at) = self.held.get(self.searched..)?.iter().position(|byte| *byte == b'\n') {
            let newline = self.searched + at;
            let line = self.held.get(self.line_start..newline)?;
            let empty = matches!(line, [] | [b'\r']);
            self.searched = newline + 1;
            self.line_start = newline + 1;
            if empty && self.begun {
                return Some(newline + 1);
            }
            self.begun |= !empty;
        }
        self.searched = self.held.len();
        None
    }
}

/// Renames a second length; says what follows this head.
fn inspect(head: &mut [u8]) -> Part {
    let mut length = None;
    let mut next = Part::Head;
    for line in head.split_mut(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let Some((name, value)) = line.split_at_mut_checked(colon) else { continue };
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            next = Part::Unseen;
        } else if name.eq_ignore_ascii_case(LENGTH) {
            if length.is_some() {
                name.copy_from_slice(SECOND_LENGTH.as_bytes());
                next = Part::Unseen;
            } else {
                length = Some(read_length(value));
            }
        }
    }
    match (next, length) {
        (Part::Unseen, _) | (_, Some(None)) => Part::Unseen,
        (_, Some(Some(0)) | None) => Part::Head,
        (_, Some(Some(bytes))) => Part::Body(bytes),
    }
}

fn read_length(after_name: &[u8]) -> Option<u64> {
    let digits = after_name.strip_prefix(b":")?.trim_ascii();
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

impl<IO: AsyncRead + Unpin> AsyncRead for HeadGuard<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.free > 0 || (!this.held.is_empty() && this.advance()) {
                this.give(buf);
                return Poll::Ready(Ok(()));
            }
            if this.part == Part::Unseen {
                return Pin::new(&mut this.io).poll_read(cx, buf);
            }
            let mut space = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut this.io).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                // The end: hyper must see what there is of a head to know that it is not complete.
                this.part = Part::Unseen;
                if this.held.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
            this.held.extend_from_slice(read.filled());
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for HeadGuard<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bufs)
    }
}
