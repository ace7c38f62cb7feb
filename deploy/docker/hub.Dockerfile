# The hub. Build from the repository's root after `make wheels`: docker build -f deploy/docker/hub.Dockerfile -t mostek-hub:0.1.0 .
FROM python:3.11-slim-bookworm AS build
COPY deploy/docker/requirements-hub.txt /build/
COPY build/wheels/mostek-*.whl /build/wheels/
RUN python -m venv /opt/mostek \
    && /opt/mostek/bin/pip install --no-cache-dir --require-hashes -r /build/requirements-hub.txt \
    && /opt/mostek/bin/pip install --no-cache-dir --no-deps --no-index /build/wheels/mostek-*.whl

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin mostek
COPY --from=build /opt/mostek /opt/mostek
ENV PATH=/opt/mostek/bin:$PATH PYTHONUNBUFFERED=1
# By number, so that Kubernetes sees that it is not root.
USER 10001:10001
# API, link, other replicas, HTTP, metrics.
EXPOSE 7443 7444 7445 7480 7490
ENTRYPOINT ["mostek-hub"]
CMD ["serve"]
