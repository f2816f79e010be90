# repomgr: one image; the command says which process it is (web, worker1, beat).
ARG BASE_IMAGE=python:3.13-slim
FROM ${BASE_IMAGE}

# dpkg-deb, which builds the bootstrap package, is part of the base image.
RUN useradd --system --uid 10001 --home-dir /srv/repomgr --shell /usr/sbin/nologin repomgr \
    && install -d -m 0700 -o repomgr -g repomgr /data
WORKDIR /srv/repomgr

# With python3-saml, which single sign-on by SAML needs.
COPY requirements-saml.lock ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-saml.lock

# Only what .dockerignore names, which is none of the keys that may lie in a checkout.
COPY . .
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation -e . \
    && python manage.py check

USER repomgr
ENV REPOMGR_HOME=/data BIND=0.0.0.0 PORT=8000 PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000

# Of the web process; the compose file has checks of its own for the others.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]

CMD ["python", "-m", "repomgr.processes", "web"]
