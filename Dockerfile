# One image for web, relay, worker, beat and flower; docker-compose.yml says which command each runs.

FROM node:22-slim AS dashboard
WORKDIR /dashboard
COPY dashboard/package.json dashboard/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY dashboard .
RUN npm run build

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt .
RUN pip install --disable-pip-version-check -r requirements.txt
COPY . .
COPY --from=dashboard /dashboard/dist dashboard/dist
RUN useradd --system opbx && mkdir -p var && chown opbx var
USER opbx
CMD ["gunicorn", "-c", "deploy/gunicorn/web.py", "wsgi:app"]
