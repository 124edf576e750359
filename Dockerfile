# Builds the server and the browser's files, then keeps only what running needs: ffmpeg and, for installations without
# DATABASE_URL, PostgreSQL. Runs as an unprivileged user; everything that lasts is in /data.
FROM docker.io/library/rust:1.95-bookworm AS build
RUN rustup target add wasm32-unknown-unknown
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p server && cargo xtask site

FROM docker.io/library/debian:bookworm-slim AS run
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl ffmpeg postgresql \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 1000 --user-group --home-dir /data mamcrawler \
    && install -d -o mamcrawler -g mamcrawler /data
COPY --from=build /src/target/release/mamcrawler /usr/local/bin/mamcrawler
COPY --from=build /src/target/site /usr/share/mamcrawler/site
ENV MAMCRAWLER_LISTEN=0.0.0.0:3000 \
    MAMCRAWLER_DATA_DIR=/data \
    MAMCRAWLER_SITE_ROOT=/usr/share/mamcrawler/site
USER mamcrawler
VOLUME /data
EXPOSE 3000
HEALTHCHECK --start-period=30s CMD curl -fsS http://127.0.0.1:3000/health/ready || exit 1
STOPSIGNAL SIGTERM
ENTRYPOINT ["mamcrawler"]
CMD ["serve"]
