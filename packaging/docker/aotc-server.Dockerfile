# The server, of the Debian packages in the build's context; README.md says how it is run.
ARG BASE=docker.io/library/debian:bookworm-slim
FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="aotc-server" \
      org.opencontainers.image.description="Compile service and registry for WebAssembly modules" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# The key and the list of tenants that the package makes for its machine are nothing for an image that many have.
RUN --mount=type=bind,target=/debs \
    set -eu; export DEBIAN_FRONTEND=noninteractive; arch=$(dpkg --print-architecture); \
    groupadd --gid 10001 aotc; \
    useradd --uid 10001 --gid aotc --home-dir /var/lib/aotc --no-create-home --shell /usr/sbin/nologin aotc; \
    apt-get update -qq; \
    apt-get install -y -qq --no-install-recommends ca-certificates \
      /debs/aotc-common_${VERSION}_${arch}.deb /debs/aotc_${VERSION}_${arch}.deb /debs/aotc-server_${VERSION}_${arch}.deb; \
    rm /etc/aotc/fleet.key /etc/aotc/fleet.pub /etc/aotc/tokens.json; \
    sed -i 's/^listen: .*/listen: 0.0.0.0:8080/' /etc/aotc/server.yaml; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
USER 10001:10001
VOLUME /var/lib/aotc
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s CMD bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080 && printf "GET /healthz HTTP/1.0\r\n\r\n" >&3 && grep -q "^HTTP/1.. 200 " <&3'
ENTRYPOINT ["aotc-server"]
CMD ["--file", "/etc/aotc/server.yaml"]
