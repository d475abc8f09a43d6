ARG REGISTRY=docker.io
ARG BASE=${REGISTRY}/library/alpine TAG
ARG VARIANT="${TAG:+-}${TAG}"

FROM ${BASE}:${TAG:-3.20} AS alpine
ARG REGISTRY
ARG TAG=own
RUN echo ${REGISTRY}
FROM --platform=${BUILDPLATFORM:-linux/amd64} alpine AS tools
FROM tools${VARIANT}
ARG TARGETARCH
