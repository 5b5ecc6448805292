use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// To begin a member takes far longer than to read its few bytes. Beyond so many members, they hold
/// so many bytes each on average, or the file is not sound.
const FEW_MEMBERS: u64 = 1000;
const LEAST_MEMBER: u64 = 256;

/// The members of a gzip file, one after the other (RFC 1952, section 2.2). Zeros behind a member
/// are padding, as tapes have it and gzip(1) takes it.
pub(crate) struct Members<R> {
    /// The member that is being read; none at the end.
    member: Option<GzDecoder<R>>,
    /// Members that have ended.
    ended: u64,
    /// Decompressed bytes.
    bytes: u64,
}

impl<R: BufRead> Members<R> {
    pub(crate) fn new(inner: R) -> Members<R> {
        Members { member: Some(GzDecoder::new(inner)), ended: 0, bytes: 0 }
    }

    /// What follows a member that has ended: another, or nothing.
    fn next(mut inner: R) -> io::Result<Option<GzDecoder<R>>> {
        loop {
            let following = inner.fill_buf()?;
            let zeros = following.iter().take_while(|&&byte| byte == 0).count();
            match following.get(zeros) {
                None if zeros == 0 => return Ok(None),
                None => inner.consume(zeros),
                Some(0x1F) => {
                    inner.consume(zeros);
                    return Ok(Some(GzDecoder::new(inner)));
                }
                Some(_) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "something follows it"));
                }
            }
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(buffer)?;
            self.bytes += n as u64;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            self.ended += 1;
            if self.ended > FEW_MEMBERS && self.bytes < self.ended * LEAST_MEMBER {
                let reason = format!("more than {FEW_MEMBERS} members that are almost empty");
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
            if let Some(ended) = self.member.take() {
                self.member = Members::next(ended.into_inner())?;
            }
        }
        Ok(0)
    }
}
