# The node, of the Debian packages in the build's context; README.md says how it is run.
ARG BASE=docker.io/library/debian:bookworm-slim
FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="aotc-node" \
      org.opencontainers.image.description="Serves HTTP requests, each in a fresh WebAssembly instance" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN --mount=type=bind,target=/debs \
    set -eu; export DEBIAN_FRONTEND=noninteractive; arch=$(dpkg --print-architecture); \
    apt-get update -qq; \
    apt-get install -y -qq --no-install-recommends ca-certificates \
      /debs/aotc-common_${VERSION}_${arch}.deb /debs/aotc-node_${VERSION}_${arch}.deb; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
# Root is the supervisor only: with the capabilities in README.md it gives each other process a user of its own.
VOLUME /var/cache/aotc-node
EXPOSE 8080 9090
# The admin port of /etc/aotc/node.yaml as it is installed.
HEALTHCHECK --interval=10s --timeout=5s CMD bash -c 'exec 3<>/dev/tcp/127.0.0.1/9090 && printf "GET /healthz HTTP/1.0\r\n\r\n" >&3 && grep -q "^HTTP/1.. 200 " <&3'
ENTRYPOINT ["aotc-node"]
CMD ["serve", "--file", "/etc/aotc/node.yaml"]
