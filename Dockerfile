# The relay, its demo page and the embedded upstream in one image. It holds no secret and needs none
# to be built; settings come from the environment (docs/settings.md) when it runs.
#
#   docker build -t realtime-relay .
#   docker run --rm -p 127.0.0.1:8080:8080 -e RELAY_DEV_NETWORK=true realtime-relay realtime-relay demo

# Any image with Python 3.11 or newer; both stages need the same one, because the venv is copied.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
WORKDIR /build
# Locks first: this layer is built again only when a dependency changes.
COPY requirements/build.txt requirements/run.txt requirements/
RUN python -m venv /build/backend \
    && /build/backend/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && python -m venv /opt/relay \
    && /opt/relay/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY app app
# The build backend stays behind in this stage: the image gets the wheel alone.
RUN /build/backend/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation -w dist . \
    && /opt/relay/bin/pip install --no-cache-dir --no-deps --no-index dist/*.whl \
    && /opt/relay/bin/pip uninstall --yes pip setuptools

FROM ${BASE}
LABEL org.opencontainers.image.title="realtime-relay" \
      org.opencontainers.image.description="A trusted middle tier for the Azure OpenAI Realtime API" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/relay /opt/relay
# In a container loopback is nobody's: it listens on all interfaces, and what may reach it is decided
# by the port that is published. Nothing is written to disk, so a read-only root is fine.
ENV PATH=/opt/relay/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RELAY_HOST=0.0.0.0
WORKDIR /srv
# A number, so that a platform can see that it is not root.
USER 10001:10001
EXPOSE 8080
# The first SIGTERM drains (RELAY_DRAIN_SECONDS): give the container a longer grace than that.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client as h, os, ssl, sys; e = os.environ.get; a = ('localhost', int(e('RELAY_PORT') or 8080)); c = h.HTTPSConnection(*a, timeout=3, context=ssl._create_unverified_context()) if e('RELAY_TLS_CERT_FILE') else h.HTTPConnection(*a, timeout=3); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
CMD ["realtime-relay", "serve"]
