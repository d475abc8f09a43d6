FROM --platform=$BUILDPLATFORM golang:1.24 AS build
ARG TARGETOS TARGETARCH
ARG VERSION=dev
WORKDIR /src
RUN --mount=type=bind,source=go.mod,target=go.mod --mount=type=bind,source=go.sum,target=go.sum \
    --mount=type=cache,target=/go/pkg/mod go mod download
RUN --mount=target=. --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH CGO_ENABLED=0 \
    go build -ldflags "-s -w -X main.version=${VERSION}" -o /out/app ./cmd/app

FROM build AS test
RUN --network=none --mount=target=. go test ./...

FROM scratch AS export
COPY --from=build --link /out/app /

FROM gcr.io/distroless/static:nonroot
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.com/ca.pem /etc/ssl/certs/
COPY --from=export --link --chown=65532:65532 /app /usr/local/bin/app
USER 65532:65532
EXPOSE 8080/tcp 9090-9092 53/UDP
ENTRYPOINT ["/usr/local/bin/app"]
