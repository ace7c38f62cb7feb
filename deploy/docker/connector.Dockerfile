# The connector with all plugins, for sites that run containers. Build from the repository's root after `make wheels`:
# docker build -f deploy/docker/connector.Dockerfile -t mostek-connector:0.1.0 .
# It brings the ODBC manager and FreeTDS, not Microsoft's driver, whose licence each site accepts by itself: see
# docs/operations.md, "Containers".
FROM python:3.11-slim-bookworm AS build
COPY deploy/docker/requirements-connector.txt /build/
COPY build/wheels/ /build/wheels/
RUN python -m venv /opt/mostek \
    && /opt/mostek/bin/pip install --no-cache-dir --require-hashes -r /build/requirements-connector.txt \
    && /opt/mostek/bin/pip install --no-cache-dir --no-deps --no-index /build/wheels/*.whl

FROM python:3.11-slim-bookworm
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends unixodbc tdsodbc \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin mostek
COPY --from=build /opt/mostek /opt/mostek
ENV PATH=/opt/mostek/bin:$PATH PYTHONUNBUFFERED=1 MOSTEK_CONNECTOR_CONFIG=/etc/mostek/connector.toml
USER 10001:10001
ENTRYPOINT ["mostek-connector"]
CMD ["run"]
