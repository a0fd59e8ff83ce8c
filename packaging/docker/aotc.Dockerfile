# The command line, of the Debian packages in the build's context; README.md says how it is run.
ARG BASE=docker.io/library/debian:bookworm-slim
FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="aotc" \
      org.opencontainers.image.description="Ahead-of-time compiler for Go WebAssembly modules" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN --mount=type=bind,target=/debs \
    set -eu; export DEBIAN_FRONTEND=noninteractive; arch=$(dpkg --print-architecture); \
    apt-get update -qq; \
    apt-get install -y -qq --no-install-recommends ca-certificates \
      /debs/aotc-common_${VERSION}_${arch}.deb /debs/aotc_${VERSION}_${arch}.deb; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
USER 10001:10001
# What was compiled before, if a volume is here.
ENV HOME=/tmp AOTC_CACHE=/tmp/aotc
WORKDIR /work
ENTRYPOINT ["aotc"]
CMD ["--help"]
