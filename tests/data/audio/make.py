"""Make the audio fixtures of this folder and what they decode to.

The sound is synthetic. `expected.tsv` holds rate, channels and length as soundfile (FLAC, and the length
of Vorbis) and PyAV (all else) decode them, and for FLAC the CRC-32 of soundfile's float32 samples.
`NAME.s16` holds every 13th frame of the others as int16, which is fine enough for a tolerance of 1e-3.

    python tests/data/audio/make.py     # needs numpy, soundfile, av
"""

import fractions
import zlib
from pathlib import Path

import av
import numpy as np
import soundfile as sf

HERE = Path(__file__).parent
STEP = 13


def sound(n, sr, channels=1):
    """A gliding tone with two harmonics and a little noise, another for each channel."""
    rng = np.random.default_rng(7)
    t = np.arange(n) / sr
    rows = []
    for c in range(channels):
        phase = 2 * np.pi * (180 + 70 * c) * t * (1 + 0.3 * t)
        tone = 0.3 * np.sin(phase) + 0.15 * np.sin(2 * phase + 1) + 0.07 * np.sin(5 * phase)
        rows.append(tone + 0.01 * rng.standard_normal(n))
    return np.stack(rows).astype(np.float32)


def encode(name, codec, x, sr, *, container=None, options=None, bit_rate=None, video=False):
    layout = {1: "mono", 2: "stereo"}[len(x)]
    with av.open(str(HERE / name), "w", format=container, options=options or {}) as out:
        if video:
            picture = out.add_stream("mpeg4", rate=25)
            picture.width = picture.height = 32
            picture.pix_fmt = "yuv420p"
        stream = out.add_stream(codec, rate=sr, layout=layout)
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(x), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = sr, 0, fractions.Fraction(1, sr)
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=sr)
        if video:
            for i in range(10):
                gray = np.full((32, 32, 3), 25 * i, np.uint8)
                for packet in picture.encode(av.VideoFrame.from_ndarray(gray, format="rgb24")):
                    out.mux(packet)
            out.mux(picture.encode(None))
        for converted in resampler.resample(frame):
            out.mux(stream.encode(converted))
        out.mux(stream.encode(None))


def decode(path):
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        parts = []
        for frame in file.decode(stream):
            samples = frame.to_ndarray()
            if not frame.format.is_planar:
                samples = samples.reshape(-1, len(frame.layout.channels)).T
            if samples.dtype.kind == "i":
                samples = samples / np.float32(1 << (8 * samples.dtype.itemsize - 1))
            parts.append(samples.astype(np.float32))
        return np.concatenate(parts, axis=1), frame.sample_rate


def with_hidden_sbr(source, target):
    """AAC-LC in ADTS with an empty piece of spectral band replication in every packet, unannounced."""
    data, out, at = (HERE / source).read_bytes(), b"", 0
    while at < len(data):
        length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        bits = "".join(f"{b:08b}" for b in data[at + 7 : at + length])
        end = bits.rstrip("0")
        assert end.endswith("111")
        # A fill element of two bytes (id 6, count 2), type 13, no header, zeros; then the end marker.
        bits = end[:-3] + "110" + "0010" + "1101" + "0" * 12 + "111"
        bits += "0" * (-len(bits) % 8)
        packet = int(bits, 2).to_bytes(len(bits) // 8, "big")
        head = bytearray(data[at : at + 7])
        size = len(packet) + 7
        head[3] = head[3] & 0xFC | size >> 11
        head[4] = size >> 3 & 255
        head[5] = head[5] & 0x1F | (size & 7) << 5
        out += bytes(head) + packet
        at += length
    (HERE / target).write_bytes(out)


def main():
    short, long, stereo = sound(4003, 16000), sound(16001, 16000), sound(6007, 44100, 2)
    for bits in ("PCM_S8", "PCM_16", "PCM_24"):
        sf.write(HERE / f"{bits.lower()}.flac", short.T, 16000, subtype=bits)
    sf.write(HERE / "stereo.flac", stereo.T, 44100, subtype="PCM_16")
    encode("lavc.mp3", "libmp3lame", long, 16000, bit_rate=32000)
    encode("untagged.mp3", "libmp3lame", short, 16000, bit_rate=32000, options={"write_xing": "0"})
    encode("stereo.mp3", "libmp3lame", stereo, 44100, bit_rate=64000)
    encode("in.wav", "libmp3lame", short, 8000, bit_rate=16000, container="wav")
    sf.write(HERE / "lame.mp3", short.T, 8000, format="MP3")
    sf.write(HERE / "pages.ogg", long.T, 16000, format="OGG", subtype="VORBIS")
    sf.write(HERE / "page.ogg", short.T, 16000, format="OGG", subtype="VORBIS")
    sf.write(HERE / "stereo.ogg", stereo.T, 44100, format="OGG", subtype="VORBIS")
    encode("lc.m4a", "aac", long, 16000, bit_rate=24000)
    encode("stereo.m4a", "aac", stereo, 44100, bit_rate=96000)
    fragments = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "200000"}
    encode("fragments.m4a", "aac", long, 16000, bit_rate=24000, container="mp4", options=fragments)
    encode("lc.aac", "aac", short, 16000, bit_rate=24000, container="adts")
    encode("video.mp4", "aac", short, 16000, bit_rate=24000, video=True)

    rows = []
    for path in sorted(HERE.iterdir()):
        if path.suffix == ".flac":
            samples, sr = sf.read(path, dtype="float32", always_2d=True)
            rows.append((path.name, sr, samples.shape[1], len(samples), zlib.crc32(samples.tobytes())))
        elif path.suffix in {".mp3", ".ogg", ".m4a", ".aac", ".mp4", ".wav"}:
            samples, sr = decode(path)
            if path.suffix == ".ogg":
                # FFmpeg keeps the padding of a stream that fits on one page; libvorbis cuts it.
                samples = samples[:, : sf.info(path).frames]
            rows.append((path.name, sr, *samples.shape, 0))
            kept = np.round(samples.T[::STEP] * 32767).astype("<i2")
            path.with_name(path.name + ".s16").write_bytes(kept.tobytes())
    lines = ["\t".join(map(str, row)) for row in rows]
    (HERE / "expected.tsv").write_text("\n".join(["file\tsr\tchannels\tframes\tcrc32", *lines, ""]))

    # What is recognised, named and left to PyAV.
    other = HERE / "foreign"
    other.mkdir(exist_ok=True)
    tiny = short[:, :1500]
    for name, codec, container in [
        ("opus.ogg", "libopus", "ogg"),
        ("opus.webm", "libopus", "webm"),
        ("aac.mkv", "aac", "matroska"),
        ("alac.m4a", "alac", "ipod"),
        ("pcm.avi", "pcm_s16le", "avi"),
        ("pcm.aiff", "pcm_s16be", "aiff"),
        ("pcm.caf", "pcm_s16be", "caf"),
        ("pcm.au", "pcm_s16be", "au"),
        ("pcm.w64", "pcm_s16le", "w64"),
        ("adpcm.wav", "adpcm_ima_wav", "wav"),
        ("flac.ogg", "flac", "ogg"),
        ("mp2.mp2", "mp2", "mp2"),
    ]:
        encode(f"foreign/{name}", codec, tiny, 16000, container=container)
    with_hidden_sbr("lc.aac", "foreign/hidden_sbr.aac")
    assert decode(other / "hidden_sbr.aac")[1] == 32000, "FFmpeg sees the band replication"


if __name__ == "__main__":
    main()
