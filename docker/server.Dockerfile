# syntax=docker/dockerfile:1
# The service with the embedded player, on processors: docker build --file docker/server.Dockerfile --tag beltline-server .
# PIP_EXTRA_INDEX_URL may name an index with a torch for processors, gigabytes smaller than the one for CUDA.
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS build
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY constraints.txt pyproject.toml ./
# What Beltline needs comes first: a change of its own code does not install torch again.
RUN python3 -m venv /opt/beltline && \
    python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
        > /tmp/requirements.txt && \
    /opt/beltline/bin/pip install --constraint constraints.txt hatchling --requirement /tmp/requirements.txt
COPY LICENSE NOTICE README.md ./
COPY contracts contracts
COPY generator_configs generator_configs
COPY registry registry
COPY server server
COPY training training
COPY unity_bridge unity_bridge
RUN /opt/beltline/bin/pip install --no-deps --no-build-isolation .

FROM ${BASE_IMAGE}
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates libatomic1 libllvm19 python3 tini && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --create-home --uid 1000 beltline && \
    install --directory --owner=beltline --group=beltline /var/lib/beltline
COPY --from=build /opt/beltline /opt/beltline
ENV PATH=/opt/beltline/bin:$PATH BELTLINE_HOME=/var/lib/beltline PYTHONUNBUFFERED=1
USER 1000
WORKDIR /var/lib/beltline
VOLUME /var/lib/beltline
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["tini", "--", "beltline"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
