//! Ogg with one Vorbis stream.

use symphonia::core::audio::layouts;
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::default::codecs::VorbisDecoder;

use super::{Block, Decode, Info, Input, MAX_UNIT, Result, decode_packet, refused};
use super::{corrupt, truncated, unsupported};
use crate::audio::no_samples;

const HEADER: usize = 27;
const LARGEST_PAGE: usize = HEADER + 255 + 255 * 255;

/// A page whose CRC fits.
struct Page {
    pos: u64,
    len: u64,
    continued: bool,
    first: bool,
    last: bool,
    /// End of the last packet that ends here, in frames; -1 if none does.
    granule: i64,
    serial: u32,
    sequence: u32,
}

/// Takes packets out of the pages of one stream.
struct Pages {
    pos: u64,
    serial: Option<u32>,
    sequence: Option<u32>,
    /// Packets completed by the last page, in order, end to end in `data`.
    ends: Vec<usize>,
    data: Vec<u8>,
    given: usize,
    /// Bytes at the end of `data` that belong to a packet which the next page continues.
    partial: bool,
    ended: bool,
}

impl Pages {
    fn new(pos: u64, serial: Option<u32>) -> Self {
        Self {
            pos,
            serial,
            sequence: None,
            ends: Vec::new(),
            data: Vec::new(),
            given: 0,
            partial: false,
            ended: false,
        }
    }

    /// Reads the next page of the stream, skipping those of others.
    fn read(&mut self, input: &mut Input) -> Result<Option<Page>> {
        loop {
            if self.pos >= input.len() {
                return Ok(None);
            }
            let window = input.window(self.pos, LARGEST_PAGE)?;
            let (page, lacing) = parse_page(window, self.pos)?;
            self.pos += page.len;
            match self.serial {
                None => self.serial = Some(page.serial),
                Some(serial) if serial != page.serial => {
                    if self.ended && page.first {
                        return Err(unsupported("Ogg with several streams in a row"));
                    }
                    continue;
                }
                Some(_) if self.ended && page.first => {
                    return Err(unsupported("Ogg with several streams in a row"));
                }
                Some(_) if self.ended => {
                    return Err(corrupt("a page follows the last one of the Ogg stream"));
                }
                Some(_) => {}
            }
            if self.sequence.is_some_and(|s| s.wrapping_add(1) != page.sequence) {
                return Err(corrupt(format!(
                    "Ogg page {} follows page {}",
                    page.sequence,
                    self.sequence.unwrap_or(0)
                )));
            }
            self.sequence = Some(page.sequence);
            self.ended |= page.last;
            let body = &window[HEADER + lacing..page.len as usize];
            self.split(&page, &window[HEADER..HEADER + lacing], body)?;
            return Ok(Some(page));
        }
    }

    /// Cuts the body into packets. The bytes before the first packet that starts here are dropped
    /// when their beginning was not seen.
    fn split(&mut self, page: &Page, lacing: &[u8], body: &[u8]) -> Result<()> {
        let done = self.ends.last().copied().unwrap_or(0);
        self.data.drain(..done);
        self.ends.clear();
        self.given = 0;
        let seen = self.partial;
        if seen != page.continued {
            if seen {
                return Err(corrupt("an Ogg packet is not continued on the page after it"));
            }
            self.data.clear();
        }
        let mut drop_first = page.continued && !seen;
        let mut at = 0;
        self.partial = false;
        for &n in lacing {
            let part = &body[at..at + usize::from(n)];
            at += usize::from(n);
            if !drop_first {
                self.data.extend_from_slice(part);
            }
            self.partial = n == 255;
            if n < 255 {
                if !drop_first {
                    self.ends.push(self.data.len());
                }
                drop_first = false;
            }
        }
        // A packet whose beginning was dropped stays unseen on the next page.
        self.partial &= !drop_first;
        if self.data.len() > MAX_UNIT {
            return Err(corrupt("an Ogg packet does not end"));
        }
        Ok(())
    }

    /// The next packet that the page completes.
    fn packet(&mut self) -> Option<&[u8]> {
        let end = *self.ends.get(self.given)?;
        let start = self.given.checked_sub(1).map_or(0, |i| self.ends[i]);
        self.given += 1;
        Some(&self.data[start..end])
    }
}

/// Parses and checks the page at the start of `bytes`; also returns its number of segments.
fn parse_page(bytes: &[u8], pos: u64) -> Result<(Page, usize)> {
    let cut = || truncated(format!("the Ogg file ends inside the page at byte {pos}"));
    let head = bytes.first_chunk::<HEADER>().ok_or_else(cut)?;
    if &head[..4] != b"OggS" || head[4] != 0 {
        return Err(corrupt(format!("no Ogg page where one is due, at byte {pos}")));
    }
    let segments = usize::from(head[26]);
    let lacing = bytes.get(HEADER..HEADER + segments).ok_or_else(cut)?;
    let len = HEADER + segments + lacing.iter().map(|&n| usize::from(n)).sum::<usize>();
    let page = bytes.get(..len).ok_or_else(cut)?;
    let le32 = |at: usize| page[at..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
    if checksum(page) != le32(22) {
        return Err(corrupt(format!("the CRC of the Ogg page at byte {pos} does not fit")));
    }
    let page = Page {
        pos,
        len: len as u64,
        continued: head[5] & 1 != 0,
        first: head[5] & 2 != 0,
        last: head[5] & 4 != 0,
        granule: (u64::from(le32(10)) << 32 | u64::from(le32(6))) as i64,
        serial: le32(14),
        sequence: le32(18),
    };
    Ok((page, segments))
}

/// CRC-32 with polynomial 0x04c11db7, most significant bit first, over the page with its own field
/// taken as 0.
fn checksum(page: &[u8]) -> u32 {
    let step = |crc: u32, b: u8| crc << 8 ^ CRC32[usize::from((crc >> 24) as u8 ^ b)];
    let crc = page[..22].iter().fold(0, |crc, &b| step(crc, b));
    let crc = (0..4).fold(crc, |crc, _| step(crc, 0));
    page[26..].iter().fold(crc, |crc, &b| step(crc, b))
}

static CRC32: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = (i as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 != 0 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// A place where decoding can start: a page with a packet that begins on it.
#[derive(Clone, Copy)]
struct Entry {
    pos: u64,
    /// Decoded frames up to and with the first packet that begins here. That packet only primes a
    /// decoder that starts with it, so these are the frames before the first that it gives.
    start: u64,
}

struct Vorbis {
    input: Input,
    info: Info,
    decoder: Box<dyn AudioDecoder>,
    pages: Pages,
    serial: u32,
    index: Vec<Entry>,
    modes: Modes,
    /// Size of the block before, which the next one overlaps; `None` after a start.
    previous: Option<u64>,
    /// Decoded frames so far.
    decoded: u64,
    /// Decoded frames to drop at the start.
    skip: u64,
    total: u64,
}

/// Opens an Ogg file.
pub(in crate::audio) fn open(mut input: Input) -> Result<Box<dyn Decode>> {
    let serial = vorbis_serial(&mut input)?;
    let mut pages = Pages::new(0, Some(serial));
    let headers = read_headers(&mut input, &mut pages)?;
    let ident = Ident::parse(&headers[0])?;
    // Checked against libvorbis and FFmpeg: symphonia 0.6 gives wrong samples for coupled channels
    // beyond two.
    if ident.channels > 2 {
        return Err(unsupported(&format!("Vorbis with {} channels", ident.channels)));
    }
    let modes = Modes::parse(&headers[2], &ident)?;
    let setup: Box<[u8]> = [headers[0].as_slice(), &headers[2]].concat().into();
    let decoder = fresh(&setup, &ident)?;
    let audio = pages.pos;
    let survey = Survey::make(&mut input, pages, &modes)?;
    if survey.total == 0 {
        return Err(no_samples("Ogg Vorbis"));
    }
    let info = Info {
        format: "ogg",
        codec: "vorbis".to_owned(),
        sr: ident.sr,
        channels: u16::from(ident.channels),
        frames: Some(survey.total),
        bits: None,
        truncated: false,
    };
    let pages = Pages::new(audio, Some(serial));
    let (index, skip, total) = (survey.index, survey.skip, survey.total);
    Ok(Box::new(Vorbis {
        input,
        info,
        decoder,
        pages,
        serial,
        index,
        modes,
        previous: None,
        decoded: 0,
        skip,
        total,
    }))
}

fn fresh(setup: &[u8], ident: &Ident) -> Result<Box<dyn AudioDecoder>> {
    let mut params = AudioCodecParameters::new();
    params.for_codec(CODEC_ID_VORBIS).with_sample_rate(ident.sr).with_extra_data(setup.into());
    if ident.channels == 1 {
        params.with_channels(layouts::CHANNEL_LAYOUT_MONO);
    }
    let options = AudioDecoderOptions::default().gapless(false);
    Ok(Box::new(VorbisDecoder::try_new(&params, &options).map_err(|e| refused(&e))?))
}

/// The stream that is Vorbis; the first pages name all streams.
fn vorbis_serial(input: &mut Input) -> Result<u32> {
    let mut pos = 0;
    let mut found = Vec::new();
    loop {
        let window = input.window(pos, LARGEST_PAGE)?;
        if window.is_empty() {
            break;
        }
        let (page, segments) = parse_page(window, pos)?;
        if !page.first {
            break;
        }
        let body = &window[HEADER + segments..page.len as usize];
        if body.starts_with(b"\x01vorbis") {
            return Ok(page.serial);
        }
        found.push(match body {
            b if b.starts_with(b"OpusHead") => "Opus",
            b if b.starts_with(b"\x7fFLAC") => "FLAC",
            b if b.starts_with(b"Speex   ") => "Speex",
            b if b.starts_with(b"\x80theora") => "Theora",
            b if b.starts_with(b"fishead") => "a skeleton",
            _ => "an unknown coding",
        });
        pos = page.pos + page.len;
    }
    Err(unsupported(&format!("Ogg with {}", found.join(", "))))
}

/// Reads identification, comment and setup, which no audio shares a page with.
fn read_headers(input: &mut Input, pages: &mut Pages) -> Result<[Vec<u8>; 3]> {
    let mut headers: [Vec<u8>; 3] = Default::default();
    let mut n = 0;
    while n < 3 {
        if pages.read(input)?.is_none() {
            return Err(truncated("the Ogg file ends inside the Vorbis headers"));
        }
        while let Some(packet) = pages.packet() {
            let due = n < 3
                && packet.starts_with(&[2 * n as u8 + 1])
                && packet[1..].starts_with(b"vorbis");
            if !due {
                return Err(corrupt("the Vorbis headers are not in order"));
            }
            headers[n] = packet.to_vec();
            n += 1;
        }
    }
    Ok(headers)
}

/// What the identification header says.
struct Ident {
    channels: u8,
    sr: u32,
    /// Sizes of short and long blocks.
    blocks: [u64; 2],
}

impl Ident {
    fn parse(packet: &[u8]) -> Result<Self> {
        let bad = || corrupt("the Vorbis identification header is invalid");
        let p = packet.first_chunk::<30>().ok_or_else(bad)?;
        let ident = Self {
            channels: p[11],
            sr: u32::from_le_bytes([p[12], p[13], p[14], p[15]]),
            blocks: [1 << (p[28] & 15), 1 << (p[28] >> 4)],
        };
        let valid = p[7..11] == [0; 4]
            && ident.channels > 0
            && ident.sr > 0
            && ident.blocks[0] >= 64
            && ident.blocks[0] <= ident.blocks[1]
            && ident.blocks[1] <= 8192;
        if valid { Ok(ident) } else { Err(bad()) }
    }
}

/// Which modes use long blocks: enough to tell how many frames a packet gives.
struct Modes {
    blocks: [u64; 2],
    long: Vec<bool>,
    /// Bits of the mode number in a packet.
    bits: u32,
}

impl Modes {
    /// The modes stand at the end of the setup header, whose middle takes a whole decoder to read.
    /// So they are read from behind: 41 bits each (flag, two zero words, mapping), before them a
    /// count of 6 bits, after them one framing bit. The count has to fit the number of modes that
    /// look like modes.
    fn parse(setup: &[u8], ident: &Ident) -> Result<Self> {
        let bad = || corrupt("the Vorbis setup header is invalid");
        let bit = |i: usize| setup[i / 8] >> (i % 8) & 1;
        let value = |at: usize, n: usize| (0..n).fold(0u32, |v, i| v | u32::from(bit(at + i)) << i);
        let end = (0..setup.len() * 8).rev().find(|&i| bit(i) == 1).ok_or_else(bad)?;
        let mut long = Vec::new();
        let mut fitting = None;
        let mut at = end;
        while long.len() < 64 && at > 41 + 6 + 56 {
            at -= 41;
            let (window_and_transform, mapping) =
                (value(at + 1, 16) | value(at + 17, 16), value(at + 33, 8));
            if window_and_transform != 0 || mapping > 63 {
                break;
            }
            long.push(bit(at) == 1);
            if value(at - 6, 6) as usize + 1 == long.len() {
                fitting = Some(long.len());
            }
        }
        long.truncate(fitting.ok_or_else(bad)?);
        long.reverse();
        let bits = usize::BITS - (long.len() - 1).leading_zeros();
        Ok(Self { blocks: ident.blocks, long, bits })
    }

    /// Size of the block in a packet; `None` for what is not audio.
    fn block(&self, packet: &[u8]) -> Option<u64> {
        let first = packet.first()?;
        if first & 1 == 1 {
            return None;
        }
        let mode = usize::from(first >> 1) & ((1 << self.bits) - 1);
        self.long.get(mode).map(|&long| self.blocks[usize::from(long)])
    }
}

/// Frames that a block gives after the one before it.
fn overlapped(previous: u64, block: u64) -> u64 {
    previous / 4 + block / 4
}

/// One pass over all pages: lengths, places to start at, damage.
struct Survey {
    index: Vec<Entry>,
    skip: u64,
    total: u64,
}

impl Survey {
    fn make(input: &mut Input, mut pages: Pages, modes: &Modes) -> Result<Self> {
        let (mut index, mut decoded, mut previous) = (Vec::new(), 0u64, None);
        // Frames that positions are ahead of what was decoded: the start of a cut stream.
        let mut offset: Option<i64> = None;
        let mut end = None;
        while !pages.ended {
            let starts_before = pages.partial;
            let Some(page) = pages.read(input)? else {
                return Err(truncated("the Ogg file ends without a last page"));
            };
            // A packet that began earlier and ends here is not one to start at.
            let (mut begins_here, mut indexed) = (!starts_before, false);
            while let Some(packet) = pages.packet() {
                let Some(block) = modes.block(packet) else { continue };
                decoded += previous.map_or(0, |p| overlapped(p, block));
                previous = Some(block);
                if begins_here && !indexed {
                    index.push(Entry { pos: page.pos, start: decoded });
                    indexed = true;
                }
                begins_here = true;
            }
            if page.granule >= 0 {
                if offset.is_none() && (decoded > 0 || page.last) {
                    let ahead = page.granule - decoded as i64;
                    // On the last page a small position cuts the end, not the start.
                    offset = Some(if page.last { ahead.max(0) } else { ahead });
                }
                end = Some(page.granule);
            }
        }
        // Pages after the last one are another stream, which must not go unheard.
        while input.window(pages.pos, 4)?.starts_with(b"OggS") {
            if pages.read(input)?.is_none() {
                break;
            }
        }
        let offset = offset.unwrap_or(0);
        let skip = offset.min(0).unsigned_abs();
        let stated = end.map_or(decoded as i64, |e| e - offset);
        let kept = u64::try_from(stated).unwrap_or(0).min(decoded);
        Ok(Self { index, skip, total: kept.saturating_sub(skip) })
    }
}

impl Decode for Vorbis {
    fn info(&self) -> &Info {
        &self.info
    }

    fn next(&mut self, block: &mut Block) -> Result<()> {
        block.clear();
        let end = self.skip + self.total;
        while self.decoded < end {
            let first = self.decoded;
            if !self.decode_one(block)? {
                return Err(truncated(format!(
                    "the Ogg file ends after {first} of {end} decoded frames"
                )));
            }
            block.truncate(usize::try_from(end - first).unwrap_or(usize::MAX));
            let cut = self.skip.saturating_sub(first).min(block.frames() as u64) as usize;
            block.planes.iter_mut().for_each(|p| drop(p.drain(..cut)));
            if block.frames() > 0 {
                break;
            }
        }
        Ok(())
    }

    /// The first block after a start only primes the overlap; its entry says so.
    fn seek(&mut self, frame: u64) -> Result<u64> {
        let target = self.skip + frame;
        let before = self.index.partition_point(|e| e.start <= target);
        let entry = self.index[..before].last().copied();
        let entry = entry.ok_or_else(|| corrupt("the Ogg file has no place to start at"))?;
        let on_the_way = self.decoded <= target && self.decoded > entry.start;
        if !on_the_way {
            self.decoder.reset();
            self.pages = Pages::new(entry.pos, Some(self.serial));
            (self.previous, self.decoded) = (None, entry.start);
        }
        Ok(self.decoded.max(self.skip) - self.skip)
    }
}

impl Vorbis {
    /// Decodes the next packet into `block`; false at the end.
    fn decode_one(&mut self, block: &mut Block) -> Result<bool> {
        loop {
            block.clear();
            let Some(packet) = self.pages.packet() else {
                if self.pages.ended || self.pages.read(&mut self.input)?.is_none() {
                    return Ok(false);
                }
                continue;
            };
            let Some(size) = self.modes.block(packet) else { continue };
            decode_packet(self.decoder.as_mut(), packet, block)?;
            let frames = self.previous.map_or(0, |p| overlapped(p, size));
            self.previous = Some(size);
            if frames > 0 && block.frames() as u64 != frames {
                return Err(corrupt(format!(
                    "a Vorbis packet holds {} frames instead of {frames}",
                    block.frames()
                )));
            }
            block.truncate(frames as usize);
            self.decoded += frames;
            if frames > 0 {
                return Ok(true);
            }
        }
    }
}
