//! ISO base media (MP4, M4A, MOV), plain and fragmented: the first audio track, if it is AAC-LC.

use super::aac::{self, Aac, Config};
use super::{Decode, Info, Input, Packets, PreRoll, Result, Unit, checked_len};
use super::{corrupt, truncated, unsupported};
use crate::audio::no_samples;
use crate::error::{Code, Error};

/// Opens an MP4 file.
pub(in crate::audio) fn open(mut input: Input) -> Result<Box<dyn Decode>> {
    let top = TopLevel::read(&mut input)?;
    let movie = load(&mut input, top.movie)?;
    let track = Track::find(&movie)?;
    let config = track.config()?;
    let coding = Aac::new(&config)?;
    let mut units = Units { list: Vec::new(), file: input.len() };
    track.units(&mut units)?;
    for &fragment in &top.fragments {
        let bytes = load(&mut input, fragment)?;
        track.fragment_units(&bytes, fragment.0, &mut units)?;
    }
    let units = units.list;
    if let Some(cut) = top.cut {
        return Err(cut);
    }
    coding.refuse_hidden_sbr(&mut input, &units)?;
    let (skip, total) = track.trim(units.len() as u64 * aac::FRAMES, config.sr)?;
    if total == 0 {
        return Err(no_samples("MP4"));
    }
    let info = Info {
        format: "mp4",
        codec: "aac_lc".to_owned(),
        sr: config.sr,
        channels: u16::from(config.channels),
        frames: Some(total),
        bits: None,
        truncated: false,
    };
    let decoder = coding.fresh()?;
    let frames_each = aac::FRAMES;
    Ok(Box::new(Packets { input, info, coding, decoder, units, frames_each, skip, total, next: 0 }))
}

/// Position and length of a box, header included.
type Span = (u64, u64);

/// The boxes of the file itself.
struct TopLevel {
    movie: Span,
    fragments: Vec<Span>,
    /// The error for a last box that reaches past the end of the file.
    cut: Option<Error>,
}

impl TopLevel {
    fn read(input: &mut Input) -> Result<Self> {
        let (mut movie, mut fragments, mut cut, mut pos) = (None, Vec::new(), None, 0);
        while pos < input.len() {
            let rest = input.len() - pos;
            let Some((kind, head, len)) = header(input.window(pos, 16)?, rest) else {
                cut = Some(truncated(format!("the MP4 file ends inside the box at byte {pos}")));
                break;
            };
            if len < head {
                return Err(corrupt(format!("the MP4 box at byte {pos} has {len} bytes")));
            }
            if len > rest {
                cut = Some(truncated(format!(
                    "the MP4 box at byte {pos} has {len} bytes, the file ends after {rest} of them"
                )));
                break;
            }
            match &kind {
                b"moov" if movie.is_none() => movie = Some((pos, len)),
                b"moof" => fragments.push((pos, len)),
                _ => {}
            }
            pos += len;
        }
        match (movie, cut) {
            (Some(movie), cut) => Ok(Self { movie, fragments, cut }),
            (None, Some(cut)) => Err(cut),
            (None, None) => Err(corrupt("the MP4 file has no `moov` box")),
        }
    }
}

/// Kind, length of the header and length of the box that starts here; `None` if the header is cut.
fn header(bytes: &[u8], rest: u64) -> Option<([u8; 4], u64, u64)> {
    let kind = *bytes.get(4..)?.first_chunk()?;
    match be32(bytes, 0)? {
        0 => Some((kind, 8, rest)),
        1 => Some((kind, 16, be64(bytes, 8)?)),
        n => Some((kind, 8, u64::from(n))),
    }
}

fn load(input: &mut Input, (pos, len): Span) -> Result<Vec<u8>> {
    let len = checked_len(len)? as usize;
    let bytes = input.window(pos, len)?;
    let bytes = bytes.get(..len).ok_or_else(|| truncated("the MP4 file became shorter"))?;
    let head = if be32(bytes, 0) == Some(1) { 16 } else { 8 };
    Ok(bytes.get(head..).unwrap_or_default().to_vec())
}

/// The boxes inside a box. A box that does not fit ends the walk.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, head, len) = header(self.0, self.0.len() as u64)?;
        let (head, len) = (head as usize, usize::try_from(len).ok()?);
        let body = self.0.get(head..len)?;
        self.0 = &self.0[len..];
        Some((kind, body))
    }
}

fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    Boxes(bytes).find(|(k, _)| k == kind).map(|(_, body)| body)
}

fn descend<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |body, kind| child(body, kind))
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn invalid(kind: &str) -> Error {
    corrupt(format!("the `{kind}` box of the MP4 file is missing or invalid"))
}

/// The packets found so far.
struct Units {
    list: Vec<Unit>,
    /// Bytes of the file: every packet lies inside, and there are no more packets than bytes,
    /// whatever the tables say.
    file: u64,
}

impl Units {
    fn push(&mut self, pos: u64, len: u32) -> Result<()> {
        if u64::from(len) > aac::MAX_PACKET {
            return Err(corrupt(format!("an AAC packet of {len} bytes is announced")));
        }
        let end = pos.saturating_add(u64::from(len));
        if end > self.file {
            return Err(truncated(format!(
                "the MP4 file has {} bytes, a packet is said to end at byte {end}",
                self.file
            )));
        }
        if self.list.len() as u64 >= self.file {
            return Err(corrupt("the MP4 file announces more packets than it has bytes"));
        }
        self.list.push(Unit { pos, len });
        Ok(())
    }
}

/// One audio track.
struct Track<'a> {
    trak: &'a [u8],
    table: &'a [u8],
    id: u32,
    timescale: u32,
    movie_timescale: u32,
    /// Sample size that fragments use when they give none.
    default_size: u32,
    fragmented: bool,
}

impl<'a> Track<'a> {
    /// The first track of sound, as FFmpeg counts them.
    fn find(movie: &'a [u8]) -> Result<Self> {
        let sound = |trak: &[u8]| {
            descend(trak, &[b"mdia", b"hdlr"]).is_some_and(|h| h.get(8..12) == Some(b"soun"))
        };
        let trak = Boxes(movie).find(|(k, body)| k == b"trak" && sound(body));
        let Some((_, trak)) = trak else {
            let text = "the MP4 file has no audio track";
            return Err(Error::new(Code::NoAudioTrack, text));
        };
        let long = |b: &[u8]| b.first() == Some(&1);
        let tkhd = child(trak, b"tkhd").ok_or_else(|| invalid("tkhd"))?;
        let id = be32(tkhd, if long(tkhd) { 20 } else { 12 }).ok_or_else(|| invalid("tkhd"))?;
        let timescale = |b: &[u8]| be32(b, if long(b) { 20 } else { 12 }).filter(|&t| t > 0);
        let mdhd = descend(trak, &[b"mdia", b"mdhd"]);
        let mvhd = child(movie, b"mvhd");
        let mvex = child(movie, b"mvex");
        let trex = mvex.and_then(|m| {
            Boxes(m).find(|(k, b)| k == b"trex" && be32(b, 4) == Some(id)).map(|(_, b)| b)
        });
        Ok(Self {
            trak,
            table: descend(trak, &[b"mdia", b"minf", b"stbl"]).ok_or_else(|| invalid("stbl"))?,
            id,
            timescale: mdhd.and_then(timescale).ok_or_else(|| invalid("mdhd"))?,
            movie_timescale: mvhd.and_then(timescale).ok_or_else(|| invalid("mvhd"))?,
            default_size: trex.and_then(|b| be32(b, 16)).unwrap_or(0),
            fragmented: mvex.is_some(),
        })
    }

    /// The AAC configuration out of the sample description.
    fn config(&self) -> Result<Config> {
        let stsd = child(self.table, b"stsd").and_then(|b| b.get(8..));
        let (format, entry) = stsd.and_then(|b| Boxes(b).next()).ok_or_else(|| invalid("stsd"))?;
        if &format != b"mp4a" {
            return Err(unsupported(&format!("MP4 with {}", format_name(&format))));
        }
        // QuickTime's versions 1 and 2 of the description are longer.
        let head = match be16(entry, 8) {
            Some(1) => 44,
            Some(2) => 64,
            _ => 28,
        };
        let children = entry.get(head..).ok_or_else(|| invalid("mp4a"))?;
        let esds = child(children, b"esds")
            .or_else(|| descend(children, &[b"wave", b"esds"]))
            .and_then(|b| b.get(4..))
            .ok_or_else(|| invalid("esds"))?;
        let (kind, config) = decoder_config(esds).ok_or_else(|| invalid("esds"))?;
        match kind {
            0x40 | 0x66..=0x68 => Config::parse(config),
            0x69 | 0x6b => Err(unsupported("MP4 with MP3")),
            0xa5 => Err(unsupported("MP4 with AC-3")),
            other => Err(unsupported(&format!("MP4 with coding 0x{other:02x}"))),
        }
    }

    /// Place and length of every packet that the movie box lists.
    fn units(&self, units: &mut Units) -> Result<()> {
        let sizes = Sizes::parse(self.table).ok_or_else(|| invalid("stsz"))?;
        let offsets = Offsets::parse(self.table).ok_or_else(|| invalid("stco"))?;
        let runs = child(self.table, b"stsc").ok_or_else(|| invalid("stsc"))?;
        let n_runs = be32(runs, 4).ok_or_else(|| invalid("stsc"))? as usize;
        let run = |i: usize| Some((be32(runs, 8 + 12 * i)?, be32(runs, 12 + 12 * i)?));
        let mut at_run = 0;
        for chunk in 0..offsets.len() {
            // Runs count chunks from 1; each holds until the next begins.
            while at_run + 1 < n_runs
                && run(at_run + 1).is_some_and(|(first, _)| first as usize <= chunk + 1)
            {
                at_run += 1;
            }
            let (_, per_chunk) = run(at_run).ok_or_else(|| invalid("stsc"))?;
            let mut pos = offsets.get(chunk).ok_or_else(|| invalid("stco"))?;
            for _ in 0..per_chunk {
                let Some(len) = sizes.get(units.list.len()) else { break };
                units.push(pos, len)?;
                pos += u64::from(len);
            }
        }
        if units.list.len() < sizes.len() {
            return Err(corrupt(format!(
                "the MP4 file announces {} packets and places {}",
                sizes.len(),
                units.list.len()
            )));
        }
        Ok(())
    }

    /// Adds the packets of this track in one fragment that starts at byte `base`.
    fn fragment_units(&self, moof: &[u8], base: u64, units: &mut Units) -> Result<()> {
        let mut end_of_run = base;
        for (_, traf) in Boxes(moof).filter(|(k, _)| k == b"traf") {
            let tfhd = child(traf, b"tfhd").ok_or_else(|| invalid("tfhd"))?;
            let flags = be32(tfhd, 0).ok_or_else(|| invalid("tfhd"))?;
            let ours = be32(tfhd, 4) == Some(self.id);
            let mut fields = Fields { flags, at: 8 };
            let origin = fields.take(1, 8).and_then(|at| be64(tfhd, at)).unwrap_or(base);
            let (_description, _duration) = (fields.take(2, 4), fields.take(8, 4));
            let size = fields.take(16, 4).and_then(|at| be32(tfhd, at));
            for (_, trun) in Boxes(traf).filter(|(k, _)| k == b"trun") {
                let run = Run::parse(trun, size.unwrap_or(self.default_size));
                let run = run.ok_or_else(|| invalid("trun"))?;
                let start = match run.offset {
                    Some(offset) => origin.checked_add_signed(i64::from(offset)),
                    None => Some(end_of_run),
                };
                let start = start.ok_or_else(|| invalid("trun"))?;
                if ours {
                    run.add_to(units, start)?;
                }
                end_of_run = run.end(start).ok_or_else(|| invalid("trun"))?;
            }
        }
        Ok(())
    }

    /// Frames to drop at the start, and frames that remain, of `decoded` ones.
    ///
    /// As FFmpeg does, the edit cuts the start to the sample and the end to the packet. The number of
    /// samples is exact in spite of the movie's coarser clock, because the last packet stays whole.
    fn trim(&self, decoded: u64, sr: u32) -> Result<(u64, u64)> {
        let Some(elst) = descend(self.trak, &[b"edts", b"elst"]) else { return Ok((0, decoded)) };
        let long = elst.first() == Some(&1);
        let count = be32(elst, 4).ok_or_else(|| invalid("elst"))?;
        let mut edits = Vec::new();
        for i in 0..count as usize {
            let edit = if long {
                be64(elst, 8 + 20 * i).zip(be64(elst, 16 + 20 * i).map(|t| t as i64))
            } else {
                be32(elst, 8 + 12 * i)
                    .map(u64::from)
                    .zip(be32(elst, 12 + 12 * i).map(|t| i64::from(t as i32)))
            };
            // A media time of -1 is a pause, which moves the track against others and adds nothing.
            match edit.ok_or_else(|| invalid("elst"))? {
                (_, media_time) if media_time < 0 => {}
                edit => edits.push(edit),
            }
        }
        let (duration, media_time) = match edits[..] {
            [] => return Ok((0, decoded)),
            [edit] => edit,
            _ => return Err(unsupported("MP4 with an edit list of several parts")),
        };
        let scaled = |time: u64, scale: u32| {
            let frames =
                (u128::from(time) * u128::from(sr) + u128::from(scale) / 2) / u128::from(scale);
            u64::try_from(frames).unwrap_or(u64::MAX)
        };
        let skip = scaled(media_time as u64, self.timescale).min(decoded);
        // Fragmented files write the edit before they know how much follows.
        let kept = match duration {
            0 => decoded,
            _ if self.fragmented => decoded,
            d => {
                let end = skip.saturating_add(scaled(d, self.movie_timescale));
                end.div_ceil(aac::FRAMES).saturating_mul(aac::FRAMES).min(decoded)
            }
        };
        Ok((skip, kept.saturating_sub(skip)))
    }
}

/// Bytes of each packet.
struct Sizes<'a> {
    same: u32,
    count: usize,
    table: &'a [u8],
}

impl<'a> Sizes<'a> {
    fn parse(table: &'a [u8]) -> Option<Self> {
        let stsz = child(table, b"stsz")?;
        let (same, count) = (be32(stsz, 4)?, be32(stsz, 8)? as usize);
        let table = stsz.get(12..)?;
        // The number of packets is believed only as far as there are sizes for them.
        (same > 0 || table.len() / 4 >= count).then_some(Self { same, count, table })
    }

    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, i: usize) -> Option<u32> {
        match self.same {
            _ if i >= self.count => None,
            0 => be32(self.table, 4 * i),
            n => Some(n),
        }
    }
}

/// Offset of each chunk.
struct Offsets<'a> {
    table: &'a [u8],
    count: usize,
    wide: bool,
}

impl<'a> Offsets<'a> {
    fn parse(table: &'a [u8]) -> Option<Self> {
        let (bytes, wide) = match child(table, b"stco") {
            Some(bytes) => (bytes, false),
            None => (child(table, b"co64")?, true),
        };
        let count = be32(bytes, 4)? as usize;
        let table = bytes.get(8..)?;
        (table.len() / if wide { 8 } else { 4 } >= count).then_some(Self { table, count, wide })
    }

    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, i: usize) -> Option<u64> {
        if self.wide { be64(self.table, 8 * i) } else { be32(self.table, 4 * i).map(u64::from) }
    }
}

/// Optional fields in order, each with its flag.
struct Fields {
    flags: u32,
    at: usize,
}

impl Fields {
    /// The offset of the field of `len` bytes that `bit` announces.
    fn take(&mut self, bit: u32, len: usize) -> Option<usize> {
        let here = self.at;
        let present = self.flags & bit != 0;
        self.at += if present { len } else { 0 };
        present.then_some(here)
    }
}

/// One run of packets in a fragment.
struct Run<'a> {
    count: usize,
    offset: Option<i32>,
    default_size: u32,
    /// Fields of each packet.
    table: &'a [u8],
    stride: usize,
    /// Where in the fields the size stands, if it is there.
    size_at: Option<usize>,
}

impl<'a> Run<'a> {
    fn parse(trun: &'a [u8], default_size: u32) -> Option<Self> {
        let flags = be32(trun, 0)?;
        let count = be32(trun, 4)? as usize;
        let mut at = 8;
        let mut offset = None;
        if flags & 1 != 0 {
            offset = Some(be32(trun, at)? as i32);
            at += 4;
        }
        if flags & 4 != 0 {
            at += 4;
        }
        let stride = 4 * (flags >> 8 & 15).count_ones() as usize;
        let size_at = (flags & 0x200 != 0).then_some(4 * (flags >> 8 & 1) as usize);
        let table = trun.get(at..)?;
        let believed = match size_at {
            Some(_) => table.len() / stride >= count,
            None => stride == 0 || table.len() / stride >= count,
        };
        believed.then_some(Self { count, offset, default_size, table, stride, size_at })
    }

    fn sizes(&self, at: usize) -> impl Iterator<Item = u32> {
        let fields = self.table.chunks_exact(self.stride.max(4)).take(self.count);
        fields.filter_map(move |f| be32(f, at))
    }

    fn add_to(&self, units: &mut Units, mut pos: u64) -> Result<()> {
        let mut add = |len: u32| {
            if len == 0 {
                return Err(invalid("trun"));
            }
            units.push(pos, len)?;
            pos += u64::from(len);
            Ok(())
        };
        match self.size_at {
            Some(at) => self.sizes(at).try_for_each(add),
            None => (0..self.count).try_for_each(|_| add(self.default_size)),
        }
    }

    /// Where the run ends that starts at `pos`.
    fn end(&self, pos: u64) -> Option<u64> {
        let len = match self.size_at {
            Some(at) => self.sizes(at).map(u64::from).sum(),
            None => (self.count as u64).checked_mul(u64::from(self.default_size))?,
        };
        pos.checked_add(len)
    }
}

/// Coding and configuration out of an elementary stream descriptor (ISO 14496-1, 7.2.6).
fn decoder_config(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    let stream = descriptor(&mut bytes, 3)?;
    let flags = *stream.get(2)?;
    let mut at = 3;
    if flags & 0x80 != 0 {
        at += 2;
    }
    if flags & 0x40 != 0 {
        at += 1 + usize::from(*stream.get(at)?);
    }
    if flags & 0x20 != 0 {
        at += 2;
    }
    let mut rest = stream.get(at..)?;
    let config = descriptor(&mut rest, 4)?;
    let mut specific = config.get(13..)?;
    Some((*config.first()?, descriptor(&mut specific, 5).unwrap_or_default()))
}

/// The body of the descriptor with this tag at the start of `bytes`.
fn descriptor<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&found, mut rest) = bytes.split_first()?;
    let mut len = 0usize;
    for _ in 0..4 {
        let (&b, after) = rest.split_first()?;
        rest = after;
        len = len << 7 | usize::from(b & 0x7f);
        if b & 0x80 == 0 {
            break;
        }
    }
    // Some writers state more than they write.
    let (body, after) = rest.split_at(len.min(rest.len()));
    *bytes = after;
    (found == tag).then_some(body)
}

fn format_name(format: &[u8; 4]) -> String {
    let name = match format {
        b"alac" => "ALAC",
        b"Opus" => "Opus",
        b"fLaC" => "FLAC",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"samr" => "AMR",
        b"sawb" => "AMR-WB",
        b".mp3" => "MP3",
        b"sowt" | b"twos" | b"lpcm" | b"in24" | b"in32" | b"fl32" | b"fl64" | b"raw " | b"ipcm" => {
            "PCM"
        }
        b"ulaw" => "µ-law",
        b"alaw" => "A-law",
        b"ima4" => "IMA ADPCM",
        b"enca" => "encrypted audio",
        _ => return format!("coding '{}'", format.escape_ascii()),
    };
    name.to_owned()
}
