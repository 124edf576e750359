# Three stages: an ffmpeg that knows audio only, the server with the browser's files, and what running needs.
# Elsewhere than on Docker Hub, name other bases: --build-arg BUILD_BASE=… --build-arg RUN_BASE=… (ops/build-image.sh does).
ARG BUILD_BASE=docker.io/library/rust:1.95-bookworm
ARG RUN_BASE=docker.io/library/debian:bookworm-slim

# Debian's package brings 400 MB of video, graphics and sound servers; two programs of 2 MB are enough to verify audio.
FROM ${BUILD_BASE} AS ffmpeg
COPY ops/container/build-ffmpeg.sh /build-ffmpeg.sh
RUN sh /build-ffmpeg.sh

FROM ${BUILD_BASE} AS build
RUN rustup target list --installed | grep -q wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p server && cargo xtask site

# pg_dump refuses a server that is newer than itself, and pg_restore from 17 on one that is older: so there is one for each version.
# With --build-arg POSTGRES_CLIENTS= it is Debian's one version instead.
FROM ${RUN_BASE} AS client
ARG POSTGRES_CLIENTS="14 15 16 17 18"
COPY ops/container/install-clients.sh /install-clients.sh
RUN sh /install-clients.sh ${POSTGRES_CLIENTS}

FROM ${RUN_BASE} AS run
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libpq5 tzdata \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
    && groupadd --gid 1000 mamcrawler \
    && useradd --uid 1000 --gid 1000 --home-dir /data --no-create-home mamcrawler \
    && install -d -m 1777 -o mamcrawler -g mamcrawler /data
COPY --from=ffmpeg /opt/ffmpeg/bin/ffmpeg /opt/ffmpeg/bin/ffprobe /usr/local/bin/
COPY --from=client /client/ /
RUN ldconfig
COPY --from=build /src/target/release/mamcrawler /usr/local/bin/mamcrawler
COPY --from=build /src/target/site /usr/share/mamcrawler/site
COPY --chmod=755 ops/container/entrypoint.sh /usr/local/bin/entrypoint
ENV MAMCRAWLER_LISTEN=0.0.0.0:3000 \
    MAMCRAWLER_DATA_DIR=/data \
    MAMCRAWLER_SITE_ROOT=/usr/share/mamcrawler/site
USER mamcrawler
VOLUME /data
EXPOSE 3000
HEALTHCHECK --start-period=60s --interval=30s --timeout=10s CMD ["mamcrawler", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["entrypoint"]
CMD ["serve"]
