#!/bin/sh
# Builds Debian's ffmpeg, but only what decodes audiobooks: no network, no video, no devices.
set -eu

for suite in "debian bookworm" "debian-security bookworm-security"; do
  set -- $suite
  printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/%s %s main\n' "$1" "$2"
done >/etc/apt/sources.list.d/sources-of-ffmpeg.list
apt-get update
apt-get install -y --no-install-recommends build-essential dpkg-dev
mkdir -p /build
cd /build
apt-get source ffmpeg
cd ffmpeg-*/

./configure --prefix=/opt/ffmpeg --disable-everything --disable-autodetect --disable-network --disable-doc --disable-debug \
  --disable-x86asm --disable-ffplay --disable-swscale --disable-avdevice --enable-small \
  --enable-protocol=file,pipe \
  --enable-demuxer=aac,ac3,aiff,ape,asf,caf,eac3,flac,matroska,mov,mp3,ogg,wav,wv \
  --enable-decoder=aac,aac_latm,ac3,alac,ape,eac3,flac,mp3,mp3float,opus,vorbis,wavpack,wmapro,wmav1,wmav2 \
  --enable-decoder=pcm_alaw,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_f32le,pcm_u8 \
  --enable-parser=aac,aac_latm,ac3,flac,mpegaudio,opus,vorbis \
  --enable-muxer=null --enable-encoder=pcm_s16le,wrapped_avframe --enable-filter=aformat,anull,aresample,atrim
make -j"$(nproc)"
make install
